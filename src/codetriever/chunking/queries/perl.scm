(package_statement name: (package) @name) @definition.module
(class_statement name: (package) @name) @definition.class
(subroutine_declaration_statement name: (bareword) @name) @definition.function
(method_declaration_statement name: (bareword) @name) @definition.method
(assignment_expression
  left: (variable_declaration variable: (scalar (varname) @name))
  right: (anonymous_subroutine_expression)) @definition.function
(use_statement
  module: (package) @_module
  (list_expression . (autoquoted_bareword) @name)
  (#eq? @_module "constant")) @definition.constant
(use_statement
  module: (package) @_module
  (anonymous_hash_expression (list_expression (autoquoted_bareword) @name @definition.constant))
  (#eq? @_module "constant"))
(source_file (expression_statement (assignment_expression
  left: (variable_declaration "our" variable: (_ (varname) @name))) @definition.variable))

; references
[(use_statement) (require_expression)] @import
(function_call_expression function: (function) @reference.call)
(ambiguous_function_call_expression function: (function) @reference.call)
(method_call_expression method: (method) @reference.call)
[(varname) (bareword) (package) (function)] @reference
