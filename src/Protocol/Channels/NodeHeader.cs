namespace Culvert.Protocol;

/// <summary>The header by which an agent names its node where the transport proves none: on the controller's Unix socket.</summary>
public static class NodeHeader
{
    /// <summary>Its name.</summary>
    public const string Name = "culvert-node";
}
