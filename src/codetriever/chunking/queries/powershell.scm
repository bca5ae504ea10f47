(function_statement (function_name) @name) @definition.function
(class_statement . (simple_name) @name) @definition.class
(enum_statement . (simple_name) @name) @definition.enum
(enum_member . (simple_name) @name) @definition.constant
(class_method_definition (simple_name) @name) @definition.method
(class_property_definition (variable) @name) @definition.field

; references
(command
  command_name: (command_name) @_command
  (#match? @_command "^([Uu]sing|[Ii]mport-[Mm]odule)$")) @import
(command command_name: (command_name) @reference.call)
(variable) @reference
