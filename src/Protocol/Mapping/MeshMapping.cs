using System.Net;
using Culvert.Core;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Mesh settings, trust bundles and nodes between model and wire.</summary>
public static class MeshMapping
{
    private const int MostSerials = RevokedCredentials.MostOfEach + RevokedCredentials.MostListed;

    /// <summary>The wire form of the mesh settings and of what is wrong with the controller's objects.</summary>
    public static Wire.Mesh ToWire(this MeshSettings mesh, ObjectProblems problems) => ToWire(mesh).With(problems);

    /// <summary>The wire form of the mesh settings.</summary>
    public static Wire.Mesh ToWire(this MeshSettings mesh)
    {
        var wire = new Wire.Mesh
        {
            TrustDomain = mesh.TrustDomain,
            DefaultAction = mesh.DefaultAction.ToWire(),
            DefaultMtlsMode = mesh.DefaultMtlsMode.ToWire(),
            CertificateLifetime = mesh.CertificateLifetime.ToDuration(),
            CertificateLifetimeJitter = mesh.CertificateLifetimeJitter,
            NetworkPolicy = mesh.NetworkPolicy.ToWire(),
            DirectPath = mesh.DirectPath.ToWire(),
            TunnelSource = mesh.TunnelSource.ToWire(),
            SetsForwardedClientCert = mesh.ForwardClientCert == ForwardClientCert.SanitizeSet,
            RefusesIcmpEcho = mesh.IcmpEcho == DefaultAction.Deny,
        };
        if (mesh.AccessLog != new AccessLogSettings()) wire.AccessLog = mesh.AccessLog.ToWire();
        if (mesh.Tracing != new TracingSettings()) wire.Tracing = mesh.Tracing.ToWire();
        foreach (IpPrefix p in mesh.ExcludedCidrs) wire.ExcludedCidrs.Add(p.ToString());
        foreach (ushort p in mesh.ExcludedPorts) wire.ExcludedPorts.Add(p);
        foreach (ExternalAuthorizer a in mesh.ExternalAuthorizers) wire.ExternalAuthorizers.Add(a.ToWire());
        foreach (SpiffeId id in mesh.Revoked.Identities) wire.RevokedIdentities.Add(id.ToString());
        foreach (CertificateSerial serial in mesh.Revoked.Serials) wire.RevokedSerials.Add(serial.ToString());
        return wire;
    }

    /// <summary>The model of the mesh settings.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static MeshSettings ToModel(this Wire.Mesh mesh) => new()
    {
        TrustDomain = SpiffeId.CheckTrustDomain(mesh.TrustDomain) is { } error ? throw new FormatException(error) : mesh.TrustDomain,
        DefaultAction = mesh.DefaultAction.ToModel(),
        DefaultMtlsMode = mesh.DefaultMtlsMode.ToModel(),
        ExcludedCidrs = mesh.ExcludedCidrs.ToPrefixes(),
        ExcludedPorts = mesh.ExcludedPorts.ToPorts("excluded_ports"),
        CertificateLifetime = mesh.CertificateLifetime?.ToTimeSpan() ?? MeshSettingsDefaults.CertificateLifetime,
        CertificateLifetimeJitter = mesh.CertificateLifetimeJitter,
        NetworkPolicy = mesh.NetworkPolicy.ToModel(),
        DirectPath = mesh.DirectPath.ToModel(),
        TunnelSource = mesh.TunnelSource.ToModel(),
        IcmpEcho = mesh.RefusesIcmpEcho ? DefaultAction.Deny : DefaultAction.Allow,
        ForwardClientCert = mesh.SetsForwardedClientCert ? ForwardClientCert.SanitizeSet : ForwardClientCert.Off,
        ExternalAuthorizers = mesh.ExternalAuthorizers.Count <= ExternalAuthorizer.Most ? mesh.ExternalAuthorizers.Select(ExternalAuthorizerMapping.ToModel).ToEquatableArray() : throw new FormatException($"external_authorizers: there are more than {ExternalAuthorizer.Most}"),
        AccessLog = mesh.AccessLog?.ToModel() ?? new AccessLogSettings(),
        Tracing = mesh.Tracing?.ToModel() ?? new TracingSettings(),
        Revoked = RevokedOf(mesh),
    };

    private static RevokedCredentials RevokedOf(Wire.Mesh mesh)
    {
        if (mesh.RevokedIdentities.Count > RevokedCredentials.MostOfEach) throw new FormatException($"revoked_identities: there are more than {RevokedCredentials.MostOfEach}");
        if (mesh.RevokedSerials.Count > MostSerials) throw new FormatException($"revoked_serials: there are more than {MostSerials}");
        return mesh.RevokedIdentities.Count + mesh.RevokedSerials.Count == 0 ? RevokedCredentials.None : new() { Identities = mesh.RevokedIdentities.Select(SpiffeId.Parse).ToEquatableArray(), Serials = mesh.RevokedSerials.Select(ToSerial).ToEquatableArray() };
    }

    private static CertificateSerial ToSerial(string text) => CertificateSerial.TryParse(text, out CertificateSerial serial, out string? error) ? serial : throw new FormatException($"revoked_serials: {error}");

    /// <summary>The wire form of the mesh's trust bundle and those of other trust domains.</summary>
    public static Wire.TrustBundle ToWire(this TrustBundle bundle, EquatableArray<TrustBundle> federated)
    {
        Wire.TrustBundle wire = bundle.ToWire();
        foreach (TrustBundle foreign in federated) wire.Federated.Add(foreign.ToWire());
        return wire;
    }

    /// <summary>The wire form of a trust bundle.</summary>
    public static Wire.TrustBundle ToWire(this TrustBundle bundle)
    {
        var wire = new Wire.TrustBundle { TrustDomain = bundle.TrustDomain };
        foreach (ReadOnlyMemory<byte> root in bundle.Roots) wire.Roots.Add(ByteString.CopyFrom(root.Span));
        wire.JwtKeys.AddRange(bundle.JwtKeys.Select(k => RequestAuthenticationMapping.ToWire(k)));
        return wire;
    }

    /// <summary>
    /// The bundles of other trust domains that come with the mesh's. What no controller sends is left out, so that nobody of that domain is believed: one of no trust domain, of the mesh's own, of one that another is of, and those beyond
    /// <see cref="TrustBundle.MostFederated"/>. The mesh's own is not refused for them.
    /// </summary>
    public static EquatableArray<TrustBundle> ToFederated(this Wire.TrustBundle bundle)
    {
        IEnumerable<Wire.TrustBundle> told = bundle.Federated.GroupBy(f => f.TrustDomain, StringComparer.Ordinal).Where(g => g.Count() == 1).Select(g => g.Single());
        return told.Where(f => f.TrustDomain != bundle.TrustDomain && SpiffeId.CheckTrustDomain(f.TrustDomain) is null).Take(TrustBundle.MostFederated).Select(f => f.ToModel()).ToEquatableArray();
    }

    /// <summary>The model of a trust bundle.</summary>
    /// <exception cref="FormatException">A key can't be used.</exception>
    public static TrustBundle ToModel(this Wire.TrustBundle bundle) =>
        new(bundle.TrustDomain, [.. bundle.Roots.Select(r => (ReadOnlyMemory<byte>)r.ToByteArray())]) { JwtKeys = bundle.JwtKeys.Select(RequestAuthenticationMapping.ToModel).ToEquatableArray() };

    /// <summary>The wire form of a node.</summary>
    public static Wire.Node ToWire(this NodeInfo node)
    {
        var wire = new Wire.Node { Name = node.Name };
        foreach (IPAddress address in node.Addresses) wire.Addresses.Add(address.ToWire());
        return wire;
    }

    /// <summary>The model of a node.</summary>
    /// <exception cref="FormatException">A field holds a value that is not allowed.</exception>
    public static NodeInfo ToModel(this Wire.Node node) =>
        new(FieldMapping.Required(node.Name, "name"), node.Addresses.ToAddresses("addresses"));
}
