namespace Culvert.Core;

/// <summary>What kind of trouble a <see cref="DropReason"/> is.</summary>
public enum ReasonClass
{
    /// <summary>The objects of the mesh forbid it, or lead nowhere.</summary>
    Denied = 1,

    /// <summary>What was sent is not what it should be, or claims to be what it is not.</summary>
    Malformed = 2,

    /// <summary>A limit, a share or a table is used up.</summary>
    Capacity = 3,

    /// <summary>The mesh itself did not do what it is there for.</summary>
    Internal = 4,

    /// <summary>The other end, or the path to it, failed.</summary>
    Peer = 5,
}
