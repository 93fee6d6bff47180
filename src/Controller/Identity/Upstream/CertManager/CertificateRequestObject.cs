using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;

namespace Culvert.Controller.Identity.Upstream.CertManager;

/// <summary>A CertificateRequest of cert-manager (<c>cert-manager.io/v1</c>), as much of it as is used.</summary>
internal sealed record CertificateRequestObject : IKubernetesObject<V1ObjectMeta>
{
    /// <summary>The kind.</summary>
    public static ResourceType<CertificateRequestObject> Type { get; } = new("cert-manager.io", "v1", "certificaterequests", "CertificateRequest", CertManagerJson.Default.CertificateRequestObject);

    /// <inheritdoc/>
    public string? ApiVersion { get; set; } = "cert-manager.io/v1";

    /// <inheritdoc/>
    public string? Kind { get; set; } = "CertificateRequest";

    /// <inheritdoc/>
    public V1ObjectMeta Metadata { get; set => field = value ?? new(); } = new();

    /// <summary>What is asked for.</summary>
    public CertificateRequestSpec? Spec { get; init; }

    /// <summary>What has become of it.</summary>
    public CertificateRequestStatus? Status { get; init; }
}

/// <summary>What is asked for.</summary>
/// <param name="Request">PKCS#10 in PEM.</param>
/// <param name="IssuerRef">Who is to certify.</param>
/// <param name="Duration">For how long, as Go writes durations.</param>
/// <param name="IsCA">Whether it is to be an authority.</param>
/// <param name="Usages">What its key is for.</param>
internal sealed record CertificateRequestSpec(byte[] Request, IssuerReference IssuerRef, string Duration, bool IsCA, IReadOnlyList<string> Usages);

/// <summary>An issuer.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Group">The kind's group.</param>
internal sealed record IssuerReference(string Name, string Kind, string Group);

/// <summary>What has become of a request.</summary>
internal sealed record CertificateRequestStatus
{
    /// <summary>The certificate in PEM, followed by what leads to a root; null while there is none.</summary>
    public byte[]? Certificate { get; init; }

    /// <summary>How it is.</summary>
    public IReadOnlyList<CertificateRequestCondition> Conditions { get; init => field = value ?? []; } = [];
}

/// <summary>One side of how a request is.</summary>
/// <param name="Type">Which: Ready, Approved, Denied, InvalidRequest.</param>
/// <param name="Status">True, False or Unknown.</param>
/// <param name="Reason">Why, as a word.</param>
/// <param name="Message">Why, for people.</param>
internal sealed record CertificateRequestCondition(string Type, string Status, string? Reason, string? Message);
