(class_declaration name: (identifier) @name) @definition.class
(interface_declaration name: (identifier) @name) @definition.interface
(enum_declaration name: (identifier) @name) @definition.enum
(enum_constant name: (identifier) @name) @definition.constant
(method_declaration name: (identifier) @name) @definition.method
(constructor_declaration name: (identifier) @name) @definition.method
(function_definition name: (identifier) @name) @definition.function
(field_declaration declarator: (variable_declarator name: (identifier) @name)) @definition.field
(program (local_variable_declaration
  declarator: (variable_declarator name: (identifier) @name value: (closure))) @definition.function)
((juxt_function_call name: (identifier) @_task args: (argument_list . (identifier) @name)) @definition.function
  (#eq? @_task "task"))

; What is left of a class whose body the grammar gives up on.
(ERROR ["class" "interface"] . (identifier) @name @definition.class)

; references
(import_declaration) @import
(method_invocation name: (identifier) @reference.call)
(juxt_function_call name: (identifier) @reference.call)
[(identifier) (type_identifier)] @reference
