namespace Culvert.Controller.Nodes;

/// <summary>The node that a call comes from.</summary>
/// <param name="Node">Its name.</param>
internal sealed record NodeCaller(string Node)
{
    /// <summary>What its certificate says; null on the controller's own Unix socket, where none is shown.</summary>
    public NodeCertificate? Certificate { get; init; }
}
