(class_declaration "interface" name: (identifier) @name) @definition.interface
(class_declaration name: (identifier) @name (enum_class_body)) @definition.enum
(class_declaration name: (identifier) @name) @definition.class
(object_declaration name: (identifier) @name) @definition.class
(companion_object name: (identifier) @name) @definition.class
(type_alias type: (identifier) @name) @definition.type

(function_declaration
  [(user_type . (identifier) @scope) (nullable_type (user_type . (identifier) @scope))]
  . "." . name: (identifier) @name) @definition.function
(function_declaration name: (identifier) @name) @definition.function

(source_file (property_declaration
  [(user_type . (identifier) @scope) (nullable_type (user_type . (identifier) @scope))]
  . "." . (variable_declaration . (identifier) @name)) @definition.field)
(property_declaration
  (modifiers (property_modifier "const"))
  (variable_declaration . (identifier) @name)) @definition.constant
(source_file (property_declaration "val" (variable_declaration . (identifier) @name)) @definition.constant)
(source_file (property_declaration "var" (variable_declaration . (identifier) @name)) @definition.variable)
(class_body (property_declaration (variable_declaration . (identifier) @name)) @definition.field)
(enum_class_body (property_declaration (variable_declaration . (identifier) @name)) @definition.field)
(enum_entry . (identifier) @name) @definition.constant

; What is left of a class whose body the grammar gives up on.
(ERROR ["class" "interface"] . (identifier) @name @definition.class)
(ERROR "fun" . (identifier) @name @definition.function)

; references
(import) @import
(call_expression . (identifier) @reference.call)
(call_expression . (navigation_expression (identifier) @reference.call .))
(constructor_invocation (user_type (identifier) @reference.call .))
(identifier) @reference
