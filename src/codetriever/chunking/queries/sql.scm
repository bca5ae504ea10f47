(create_schema (identifier) @name) @definition.namespace
(create_table (object_reference schema: (identifier) @scope name: (identifier) @name)) @definition.table
(create_table (object_reference name: (identifier) @name)) @definition.table
(create_view (object_reference schema: (identifier) @scope name: (identifier) @name)) @definition.view
(create_view (object_reference name: (identifier) @name)) @definition.view
(create_materialized_view (object_reference schema: (identifier) @scope name: (identifier) @name)) @definition.view
(create_materialized_view (object_reference name: (identifier) @name)) @definition.view
(create_type (object_reference schema: (identifier) @scope name: (identifier) @name)) @definition.type
(create_type (object_reference name: (identifier) @name)) @definition.type
(create_function (keyword_function) . (object_reference schema: (identifier) @scope name: (identifier) @name)) @definition.function
(create_function (keyword_function) . (object_reference name: (identifier) @name)) @definition.function
(create_procedure (object_reference schema: (identifier) @scope name: (identifier) @name)) @definition.function
(create_procedure (object_reference name: (identifier) @name)) @definition.function
(create_trigger (keyword_trigger) . (object_reference name: (identifier) @name)) @definition.function
(create_sequence (object_reference name: (identifier) @name)) @definition.variable
(create_table (column_definitions (column_definition name: (identifier) @name) @definition.field))

; What a dialect's body leaves of its head.
(ERROR [(keyword_create) (keyword_replace)] . [(keyword_function) (keyword_procedure)] . (object_reference name: (identifier) @name)
  @definition.function)
(ERROR (keyword_create) . (keyword_table) . (object_reference name: (identifier) @name) @definition.table)
(ERROR [(keyword_create) (keyword_replace)] . (keyword_view) . (object_reference name: (identifier) @name) @definition.view)

; references
(create_extension) @import
(invocation (object_reference name: (identifier) @reference.call))
(identifier) @reference
