(class_definition name: (identifier) @name) @definition.class
(mixin_declaration (mixin) . (identifier) @name) @definition.trait
(enum_declaration name: (identifier) @name) @definition.enum
(enum_constant name: (identifier) @name) @definition.constant
(extension_declaration name: (identifier) @name) @definition.impl
(extension_type_declaration name: (identifier) @name) @definition.class
(type_alias (type_identifier) @name . "=") @definition.type
(type_alias (type_identifier) @name . (formal_parameter_list)) @definition.type

; A body lies beside its signature, not in it.
((method_signature [
  (function_signature name: (identifier) @name)
  (getter_signature name: (identifier) @name)
  (setter_signature name: (identifier) @name)
  (operator_signature (binary_operator) @name)
  (factory_constructor_signature (identifier) @name . (formal_parameter_list))
  (constructor_signature (identifier) @name . (formal_parameter_list))
]) @definition.method . (function_body) @end)
((function_signature name: (identifier) @name) @definition.function . (function_body) @end)
((getter_signature name: (identifier) @name) @definition.function . (function_body) @end)
((setter_signature name: (identifier) @name) @definition.function . (function_body) @end)
(function_signature name: (identifier) @name) @definition.function
(getter_signature name: (identifier) @name) @definition.function
(setter_signature name: (identifier) @name) @definition.function
(declaration [
  (constructor_signature (identifier) @name . (formal_parameter_list))
  (constant_constructor_signature (identifier) @name . (formal_parameter_list))
]) @definition.method

(declaration (static_final_declaration_list (static_final_declaration . (identifier) @name))) @definition.field
(declaration (initialized_identifier_list (initialized_identifier . (identifier) @name))) @definition.field
(program (static_final_declaration_list (static_final_declaration . (identifier) @name) @definition.constant))
(program (initialized_identifier_list (initialized_identifier . (identifier) @name) @definition.variable))

; references
(import_or_export) @import
(part_directive) @import
((identifier) @reference.call . (selector (argument_part)))
((selector (unconditional_assignable_selector (identifier) @reference.call)) . (selector (argument_part)))
[(identifier) (type_identifier)] @reference
