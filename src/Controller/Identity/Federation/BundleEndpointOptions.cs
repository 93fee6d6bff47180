using System.Net;

namespace Culvert.Controller.Identity.Federation;

/// <summary>How the mesh's own bundle is told to other trust domains.</summary>
/// <param name="Listen">Where, TLS; port 0 takes a free one.</param>
internal sealed record BundleEndpointOptions(IPEndPoint Listen)
{
    /// <summary>A certificate that authorities of the web have issued, with those that lead to their roots, in PEM (profile https_web); null: the controller's own, which is an X.509-SVID (https_spiffe).</summary>
    public string? CertificatePath { get; init; }

    /// <summary>Its key, in PEM; null where there is none.</summary>
    public string? KeyPath { get; init; }
}
