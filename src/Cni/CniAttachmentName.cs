using System.Text.Json.Serialization;

namespace Culvert.Cni;

/// <summary>What one container has at one network, as the specification calls it: its id and the interface in it.</summary>
/// <param name="ContainerId">The runtime's id of it.</param>
/// <param name="Interface">Name of the interface in it, such as eth0.</param>
public readonly record struct CniAttachmentName([property: JsonPropertyName("containerID")] string ContainerId, [property: JsonPropertyName("ifname")] string Interface)
{
    /// <inheritdoc/>
    public override string ToString() => $"{ContainerId}/{Interface}";
}
