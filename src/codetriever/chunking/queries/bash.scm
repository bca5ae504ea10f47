(function_definition name: (word) @name) @definition.function

(declaration_command "readonly" (variable_assignment name: (variable_name) @name)) @definition.constant
(program (declaration_command
  (word) @_option (variable_assignment name: (variable_name) @name))
  @definition.constant
  (#match? @_option "^-[A-Za-z]*r"))
(program (declaration_command (variable_assignment name: (variable_name) @name)) @definition.variable)
(program (variable_assignment name: (variable_name) @name) @definition.variable)

; references
(command name: (command_name (word) @_command) (#any-of? @_command "source" ".")) @import
(command name: (command_name (word) @reference.call))
[(variable_name) (word)] @reference
