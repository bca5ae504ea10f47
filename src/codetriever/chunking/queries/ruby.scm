(class name: (_ scope: (_) @scope name: (constant) @name)) @definition.class
(class name: (constant) @name) @definition.class
(module name: (_ scope: (_) @scope name: (constant) @name)) @definition.module
(module name: (constant) @name) @definition.module

(program (method name: (_) @name) @definition.function)
(method name: (_) @name) @definition.method
(singleton_method object: (constant) @scope name: (_) @name) @definition.method
(singleton_method name: (_) @name) @definition.method
(alias name: (_) @name) @definition.method

(call
  method: (identifier) @_method
  arguments: (_ . (simple_symbol) @name)
  (#any-of? @_method "define_method" "alias_method" "define_singleton_method")) @definition.method
(call
  method: (identifier) @_method
  arguments: (_ (simple_symbol) @name @definition.field)
  (#any-of? @_method "attr_reader" "attr_accessor" "attr_writer"))

(assignment
  left: (constant) @name
  right: (_ receiver: (constant) @_receiver method: (identifier) @_method)
  (#any-of? @_receiver "Struct" "Data" "Class" "Module")
  (#any-of? @_method "new" "define")) @definition.class
(assignment left: (constant) @name) @definition.constant

; references
(call
  method: (identifier) @_method
  (#any-of? @_method "require" "require_relative" "load" "autoload")) @import
(call method: (_) @reference.call)
[(identifier) (constant) (simple_symbol) (hash_key_symbol) (instance_variable) (class_variable) (global_variable)] @reference
