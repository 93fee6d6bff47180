using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Culvert.Cli.Admin;
using Culvert.Protocol;

namespace Culvert.Cli.Checks;

/// <summary>Whether a root of the trust bundle is near its end; nothing renews it by itself. Known only where an agent runs.</summary>
internal static class TrustBundleCheck
{
    private static readonly TimeSpan LongestNotice = TimeSpan.FromDays(30);

    public static async Task<IReadOnlyList<Finding>> RunAsync(string socket, bool agentRuns, CancellationToken cancellationToken)
    {
        if (!agentRuns)
        {
            return [];
        }

        try
        {
            using var admin = new AdminClient(socket);
            var response = await admin.IdentitiesAsync(identity: null, cancellationToken);
            return Evaluate([.. response.Roots.Select(r => r.Memory)], TimeProvider.System.GetUtcNow());
        }
        catch (CliException)
        {
            return []; // an agent of an earlier version does not tell
        }
    }

    /// <summary>A warning for each root that has less than a tenth of its life left, or 30 days if that is less.</summary>
    /// <param name="roots">DER, oldest first.</param>
    /// <param name="now">The time.</param>
    internal static IReadOnlyList<Finding> Evaluate(IReadOnlyList<ReadOnlyMemory<byte>> roots, DateTimeOffset now)
    {
        var findings = new List<Finding>();
        foreach (var der in roots)
        {
            using var root = X509CertificateLoader.LoadCertificate(der.Span);
            var (from, until) = (new DateTimeOffset(root.NotBefore), new DateTimeOffset(root.NotAfter));
            var tenth = (until - from) / 10;
            var name = string.Create(CultureInfo.InvariantCulture, $"root {CertificateFingerprint.ShortOf(der.Span)} of the trust bundle {(until < now ? "has ended" : "ends")} at {until.ToUniversalTime():u}");
            findings.Add(until - now < (tenth < LongestNotice ? tenth : LongestNotice)
                ? Finding.Warning("trust-bundle", name, "replace it in time: `culvert-controller root rotate`, or at the authority that signs for the mesh; what is below it ends with it")
                : Finding.Ok("trust-bundle", name));
        }

        return findings;
    }
}
