using System.Security.Cryptography.X509Certificates;
using System.Text;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;

namespace Culvert.Controller.Tests.Identity.Federation;

/// <summary>Bundles as trust domains tell them, and certificates of those who do.</summary>
internal static class Bundles
{
    /// <summary>How long it is waited for what is to come of a bundle.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    /// <summary>Waits until it has.</summary>
    public static async Task UntilAsync(Func<bool> condition)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Patience);
        while (!condition()) await Task.Delay(10, limit.Token);
    }

    /// <summary>A bundle in JSON.</summary>
    public static string Json(ulong? sequence, int? hint, params CaFiles[] roots) => Encoding.UTF8.GetString(new BundleDocument
    {
        Sequence = sequence,
        RefreshHint = hint is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
        Roots = [.. roots.Select(r => (ReadOnlyMemory<byte>)r.Certificate.RawData)],
    }.Write());

    /// <summary>A certificate of a web server, for a name.</summary>
    public static CaFiles WebServer(CaFiles issuer, string name, params X509Extension[] others)
    {
        SubjectAlternativeNameBuilder names = new();
        names.AddDnsName(name);
        return Leaf(issuer, names, others);
    }

    /// <summary>An X.509-SVID.</summary>
    public static CaFiles Svid(CaFiles issuer, string id, params X509Extension[] others)
    {
        SubjectAlternativeNameBuilder names = new();
        names.AddUri(new Uri(id));
        return Leaf(issuer, names, others);
    }

    private static CaFiles Leaf(CaFiles issuer, SubjectAlternativeNameBuilder names, X509Extension[] others) => CaFiles.Make(issuer, shape: new()
    {
        IsAuthority = false,
        Usage = X509KeyUsageFlags.DigitalSignature,
        HasKeyIdentifier = false,
        Left = TimeSpan.FromDays(1),
        Others = [names.Build(), new X509EnhancedKeyUsageExtension([new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")], critical: false), .. others],
    });
}
