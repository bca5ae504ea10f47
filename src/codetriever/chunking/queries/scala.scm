(class_definition name: (_) @name) @definition.class
(object_definition name: (_) @name) @definition.class
(package_object name: (_) @name) @definition.module
(trait_definition name: (_) @name) @definition.trait
(enum_definition name: (_) @name) @definition.enum
(simple_enum_case name: (_) @name) @definition.constant
(full_enum_case name: (_) @name) @definition.class
(type_definition name: (_) @name) @definition.type
(given_definition name: (_) @name) @definition.impl

(extension_definition
  (parameters . (parameter type: [(type_identifier) @scope (generic_type type: (_) @scope)]))
  (function_definition name: (_) @name) @definition.method)
(function_definition name: (_) @name) @definition.function
(function_declaration name: (_) @name) @definition.function

(object_definition body: (template_body
  (val_definition pattern: (identifier) @name) @definition.constant))
(package_object body: (template_body
  (val_definition pattern: (identifier) @name) @definition.constant))
(template_body [
  (val_definition pattern: (identifier) @name)
  (var_definition pattern: (identifier) @name)
  (val_declaration name: (identifier) @name)
  (var_declaration name: (identifier) @name)
] @definition.field)
(compilation_unit (val_definition pattern: (identifier) @name) @definition.constant)
(compilation_unit (var_definition pattern: (identifier) @name) @definition.variable)

; references
(import_declaration) @import
(export_declaration) @import
(call_expression function: (identifier) @reference.call)
(call_expression function: (field_expression field: (_) @reference.call))
(call_expression function: (generic_function function: (identifier) @reference.call))
(call_expression function: (generic_function function: (field_expression field: (_) @reference.call)))
(instance_expression (type_identifier) @reference.call)
[(identifier) (type_identifier) (operator_identifier)] @reference
