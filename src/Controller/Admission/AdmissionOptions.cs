using System.Net;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Admission;

/// <summary>How the API server asks about objects before it stores them.</summary>
/// <param name="Listen">Where it does; port 0 takes a free one.</param>
internal sealed record AdmissionOptions(IPEndPoint Listen)
{
    /// <summary>The port unless said otherwise.</summary>
    public const int DefaultPort = 15017;

    /// <summary>The ValidatingWebhookConfiguration to keep the roots in; null: none.</summary>
    public ResourceName? Configuration { get; init; }
}
