namespace Culvert.Controller.Objects;

/// <summary>An object of an API server.</summary>
/// <param name="Resource">Its path at the server without the slash in front, such as <c>apis/culvert.dev/v1alpha1/namespaces/shop/workloads/web</c>.</param>
/// <param name="ResourceVersion">The version that was read; whoever writes a status back says what version it is about.</param>
internal sealed record ApiOrigin(string Resource, string ResourceVersion) : ObjectOrigin
{
    public override string Place => Resource;

    /// <summary>Of what counts of it. One version may be read by two definitions of its kind, of which the older one leaves fields out (while a cluster is upgraded).</summary>
    public UInt128 Digest { get; init; }

    /// <summary>The object without what does not count, where it is to outlive the one at the server.</summary>
    public string Document { get; init; } = "";

    public override string Text => Document;

    /// <summary>The generation of its specification; what a status says, it says of this one. 0 for kinds that have none.</summary>
    public long Generation { get; init; }
}
