using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Kubernetes.Configuration;

namespace Culvert.Kubernetes.Transport;

/// <summary>
/// Decides whether who answers is the cluster: its certificate has to lead to the cluster's authority and to no other, and to have the server's name. The authority's file
/// may be replaced; it is looked at with every handshake, and one that can't be read leaves the last. Without an authority in the configuration, those of the system count.
/// </summary>
internal sealed class ServerTrust(ClusterConfiguration configuration)
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    private readonly Lock _lock = new();
    private X509Certificate2Collection? _authorities;
    private (DateTime, long) _version;
    private volatile string? _problem;

    /// <summary>Why the last server was not believed; null when it was.</summary>
    public string? Problem => _problem;

    public bool Validate(X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        _problem = configuration.SkipTlsVerification ? null : FindProblem(certificate as X509Certificate2, chain, errors);
        return _problem is null;
    }

    private string? FindProblem(X509Certificate2? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null) return "the server has no certificate";
        if (errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return $"the server's certificate is for {Names(certificate)}, not for '{configuration.TlsServerName ?? configuration.Server.IdnHost}'";
        }
        if (configuration.Authority is null) return errors == SslPolicyErrors.None ? null : $"the system trusts no issuer of the server's certificate ({Describe(chain)})";
        X509Certificate2Collection authorities;
        try
        {
            authorities = Authorities(configuration.Authority);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            return $"the cluster's authority can't be read from {configuration.Authority.Origin}: {e.Message}";
        }
        return CheckChain(certificate, chain, authorities);
    }

    private string? CheckChain(X509Certificate2 certificate, X509Chain? offered, X509Certificate2Collection authorities)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));
        foreach (X509ChainElement element in offered?.ChainElements ?? Enumerable.Empty<X509ChainElement>()) chain.ChainPolicy.ExtraStore.Add(element.Certificate);
        if (chain.Build(certificate)) return null;
        return $"the server's certificate does not lead to the authority in {configuration.Authority!.Origin} ({Describe(chain)})";
    }

    private X509Certificate2Collection Authorities(PemSource source)
    {
        lock (_lock)
        {
            (DateTime, long) version = source.Version();
            if (_authorities is not null && version == _version) return _authorities;
            try
            {
                (_authorities, _version) = (PemReader.ReadAuthorities(source.Read()), version);
            }
            catch (Exception e) when (_authorities is not null && e is (IOException or UnauthorizedAccessException or InvalidDataException))
            {
                // It may be half written: the last one counts, and it is read again with the next handshake.
            }
            return _authorities;
        }
    }

    private static string Describe(X509Chain? chain)
    {
        string[] problems = [.. (chain?.ChainStatus ?? []).Select(s => s.Status.ToString()).Distinct(StringComparer.Ordinal)];
        return problems.Length > 0 ? string.Join(", ", problems) : "unknown";
    }

    private static string Names(X509Certificate2 certificate)
    {
        string[] names = [.. certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>()
            .SelectMany(e => e.EnumerateDnsNames().Concat(e.EnumerateIPAddresses().Select(a => a.ToString()))).Take(8)];
        return names.Length > 0 ? string.Join(", ", names) : certificate.Subject;
    }
}
