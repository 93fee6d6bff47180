namespace Culvert.Controller.CustomResources;

/// <summary>Which elements of a list are the same one.</summary>
internal enum SchemaListType
{
    /// <summary>None are; the list is replaced as a whole.</summary>
    Atomic,

    /// <summary>Equal ones, and they may be there once only.</summary>
    Set,

    /// <summary>Those whose <see cref="SchemaNode.ListKeys"/> are equal, and they may be there once only.</summary>
    Map,
}
