namespace Culvert.Core;

/// <summary>How packets go from one workload to another of the same node, once policy allows it.</summary>
public enum DirectPath
{
    /// <summary>As <see cref="Redirect"/> where nothing that others have put into the path would be passed over, otherwise as <see cref="HostStack"/>.</summary>
    Auto,

    /// <summary>Straight into the other workload's interface, past the node's firewall rules and past programs and shaping of others there.</summary>
    Redirect,

    /// <summary>By the kernel's own forwarding, with all of these.</summary>
    HostStack,
}
