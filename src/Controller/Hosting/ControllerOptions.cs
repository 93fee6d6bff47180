using System.Net;
using Culvert.Controller.Admission;
using Culvert.Controller.Attestation;
using Culvert.Controller.Attestation.Kubernetes;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Spire;
using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Controller.Identity.Upstream;
using Culvert.Controller.Identity.Upstream.CertManager;
using Culvert.Controller.Identity.Upstream.Vault;
using Culvert.Controller.Issuers;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Resources;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller;

/// <summary>Options of a controller. At least one of <see cref="Listen"/> and <see cref="UnixSocket"/> must be set for agents to reach it.</summary>
public sealed record ControllerOptions
{
    /// <summary>Port for agents unless said otherwise.</summary>
    public const int DefaultPort = 15012;

    /// <summary>Folder of YAML and JSON with the objects. Null only where objects come from elsewhere.</summary>
    public string? ObjectFolder { get; init; }

    /// <summary>The cluster whose API server holds the objects; null: none does. Takes the place of the <see cref="ObjectFolder"/>.</summary>
    internal KubernetesOptions? Kubernetes { get; init; }

    /// <summary>Whose service account tokens make somebody a node, beside join tokens; null: nobody's. Needs <see cref="Kubernetes"/>, whose API server is asked.</summary>
    internal KubernetesAttestorOptions? ServiceAccountTokens { get; init; }

    /// <summary>The ConfigMap that the roots are written into, for agents that join; null: none. Needs <see cref="Kubernetes"/>.</summary>
    internal ResourceName? RootsConfigMap { get; init; }

    /// <summary>The ConfigMap by which controllers of one mesh tell each other how far their nodes are; null: each counts its own. Needs <see cref="Kubernetes"/>.</summary>
    internal ResourceName? ProgressConfigMap { get; init; }

    /// <summary>
    /// The Secret that roots, their keys and revocations are kept in, for any number of controllers of one mesh; null: the <see cref="StateFolder"/>, which is one controller's. Needs <see cref="Kubernetes"/> and
    /// <see cref="ServiceAccountTokens"/>: join tokens are not shared.
    /// </summary>
    internal ResourceName? StateSecret { get; init; }

    /// <summary>How long an agent's stream lasts at most before it is to ask again, so that agents spread over controllers that share the <see cref="StateSecret"/>; infinite: for ever.</summary>
    internal TimeSpan LongestStream { get; init; } = Timeout.InfiniteTimeSpan;

    /// <summary>How the API server asks about objects before it stores them; null: not at all. Needs <see cref="Kubernetes"/>.</summary>
    internal AdmissionOptions? Admission { get; init; }

    /// <summary>Where the objects come from; null: from <see cref="Kubernetes"/> or the <see cref="ObjectFolder"/>. Not started yet; the controller disposes of it, also when it can't start.</summary>
    internal IObjectSource? Source { get; init; }

    /// <summary>Folder for keys and tokens; made with mode 0700 when it is not there.</summary>
    public required string StateFolder { get; init; }

    /// <summary>Where to listen for agents with TLS; port 0 takes a free one. Null: not at all.</summary>
    public IPEndPoint? Listen { get; init; }

    /// <summary>Path of a Unix socket for agents of this machine; made with mode 0600. Null: none.</summary>
    public string? UnixSocket { get; init; }

    /// <summary>DNS names in the controller's certificate. Agents know it by its SPIFFE ID; the names are for other tools.</summary>
    public IReadOnlyList<string> DnsNames { get; init; } = ["localhost"];

    /// <summary>How long a new root is in the bundle before it signs.</summary>
    public TimeSpan RootActivationDelay { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// How long a node certificate that has expired, and a root that has left the bundle, can still be exchanged for the present ones, unless revoked: an agent that was
    /// away so long comes back by itself. Zero: it needs a new token then.
    /// </summary>
    public TimeSpan NodeRenewalGrace { get; init; } = TimeSpan.FromDays(7);

    /// <summary>How long it serves on after <see cref="ControllerHost.LeaveAsync"/>, as not ready, until those who find it by a Service know that it leaves. Zero: not at all.</summary>
    public TimeSpan ShutdownDelay { get; init; }

    /// <summary>The SPIRE server that signs; null: the <see cref="Authority"/>.</summary>
    internal SpireOptions? Spire { get; init; }

    /// <summary>The authority in files that certifies the one that signs; null: the <see cref="Authority"/>.</summary>
    internal DiskOptions? Upstream { get; init; }

    /// <summary>The authority in Vault that certifies the one that signs; null: the <see cref="Authority"/>.</summary>
    internal VaultOptions? Vault { get; init; }

    /// <summary>The issuer of cert-manager that certifies the one that signs; null: the <see cref="Authority"/>. Needs <see cref="Kubernetes"/>.</summary>
    internal CertManagerOptions? CertManager { get; init; }

    /// <summary>The entries to keep at <see cref="Spire"/>; null: none.</summary>
    internal SpireEntryOptions? SpireEntries { get; init; }

    /// <summary>The authority to use; null, where <see cref="Spire"/>, <see cref="Upstream"/>, <see cref="Vault"/> and <see cref="CertManager"/> are too, makes a built-in one in the state folder.</summary>
    public ICertificateAuthority? Authority { get; init; }

    /// <summary>Whether cryptography is of OpenSSL's FIPS provider alone.</summary>
    internal bool Fips { get; init; }

    /// <summary>Files of certificate revocation lists.</summary>
    internal IReadOnlyList<string> RevocationLists { get; init; } = [];

    /// <summary>Says which node somebody is who wants to join; null: by join tokens, and by <see cref="ServiceAccountTokens"/>.</summary>
    public INodeAttestor? Attestor { get; init; }

    /// <summary>How the keys of issuers of tokens are read from URLs.</summary>
    internal IssuerKeyOptions IssuerKeys { get; init; } = new();

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where log messages go; null: nowhere.</summary>
    public ILoggerFactory? LoggerFactory { get; init; }
}
