namespace Culvert.Cni;

/// <summary>What a container runtime asks a plugin to do (CNI specification 1.1, section 2).</summary>
public enum CniCommand
{
    /// <summary>Which versions of the specification the plugin speaks.</summary>
    Version,

    /// <summary>A container was connected to the network.</summary>
    Add,

    /// <summary>A container leaves the network. May be asked again, and of containers that nobody knows.</summary>
    Del,

    /// <summary>Whether all is as it was after <see cref="Add"/>.</summary>
    Check,

    /// <summary>Whether <see cref="Add"/> would be served.</summary>
    Status,

    /// <summary>Which containers there are still: all others are to be forgotten.</summary>
    Gc,
}
