using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <summary>How sets of roots follow one upon the other. Pure but for keys and serial numbers; each function returns the set that it was given where nothing is to change.</summary>
/// <param name="options">Lifetimes.</param>
internal sealed class RootChanges(CertificateAuthorityOptions options)
{
    /// <summary>How long before its making a certificate of an authority begins, for clocks that are behind.</summary>
    public static readonly TimeSpan AuthorityBackdating = TimeSpan.FromMinutes(5);

    /// <summary>Adds a root, or, to sign now, has one that waits sign.</summary>
    /// <exception cref="InvalidOperationException">A new root is waiting to sign already.</exception>
    public RootSet Rotate(RootSet roots, bool signNow, DateTimeOffset now)
    {
        Root newest = roots.Serving[^1];
        bool isWaiting = newest.Record.Activates > now;
        if (!isWaiting) return Add(roots, now, signNow ? TimeSpan.Zero : options.RootActivationDelay);
        if (!signNow) throw new InvalidOperationException($"A new root is in the bundle already and signs from {newest.Record.Activates:u} on.");
        return roots with { Serving = roots.Serving.Replace(newest, newest.With(newest.Record with { Activates = now })) };
    }

    /// <summary>Takes a root out of the bundle, or distrusts one that has left it.</summary>
    /// <exception cref="InvalidOperationException">There is no such root, or it is the one that signs; the message is the end of a sentence.</exception>
    public static RootSet Remove(RootSet roots, string id, DateTimeOffset now)
    {
        if (RootRemovalRule.Refusal([.. roots.Records], id, now) is { } refusal) throw new InvalidOperationException(refusal);
        if (roots.Retired.FirstOrDefault(r => r.Record.Id == id) is { } retired) return roots with { Retired = roots.Retired.Replace(retired, retired.With(retired.Record with { Removed = true })) };
        int at = roots.Serving.IndexOf(roots.Serving.First(r => r.Record.Id == id));
        Root root = roots.Serving[at];
        ImmutableArray<Root> serving = roots.Serving.RemoveAt(at);

        // The way from older roots to the ones after it went by this one.
        if (at > 0 && at < serving.Length) serving = serving.SetItem(at, serving[at].WithCross(null));
        return AddMissingCrosses(roots with { Serving = serving, Retired = roots.Retired.Add(RetiredRoot.Of(root, root.Record with { Retired = now, Removed = true })) }, now);
    }

    /// <summary>Does what is due: makes the first root, replaces one that comes to its end, has those leave that no certificate needs, and forgets those that left long ago.</summary>
    /// <param name="roots">The roots.</param>
    /// <param name="servesUntil">By root, until when certificates below it are valid, as far as that is not noted with it yet.</param>
    /// <param name="now">The moment.</param>
    public RootSet Upkeep(RootSet roots, IReadOnlyDictionary<string, DateTimeOffset> servesUntil, DateTimeOffset now)
    {
        if (roots.Serving.IsEmpty) roots = Add(roots, now, TimeSpan.Zero);
        foreach (Root root in roots.Serving)
        {
            if (servesUntil.TryGetValue(root.Record.Id, out DateTimeOffset until) && until > root.Record.ServesUntil)
                roots = roots with { Serving = roots.Serving.Replace(root, root.With(root.Record with { ServesUntil = until })) };
        }
        Root signing = roots.SigningAt(now);
        if (signing == roots.Serving[^1] && now > signing.RenewAt) roots = Add(roots, now, options.RootActivationDelay);
        roots = AddMissingCrosses(roots, now);
        signing = roots.SigningAt(now);
        Root[] leaving = [.. roots.Serving.TakeWhile(r => r != signing && LeavesAt(r) <= now)];
        if (leaving.Length > 0)
            roots = roots with { Serving = roots.Serving.RemoveRange(0, leaving.Length), Retired = [.. roots.Retired, .. leaving.Select(r => RetiredRoot.Of(r, r.Record with { Retired = now }))] };
        return roots.Retired.Any(r => ForgottenAt(r.Record) <= now) ? roots with { Retired = roots.Retired.RemoveAll(r => ForgottenAt(r.Record) <= now) } : roots;
    }

    /// <summary>When something is due next; null: nothing is.</summary>
    public DateTimeOffset? NextAfter(RootSet roots, DateTimeOffset now)
    {
        DateTimeOffset[] moments =
        [
            .. roots.Serving.SelectMany(r => new[] { r.Record.Activates, LeavesAt(r) }), .. roots.Retired.Select(r => ForgottenAt(r.Record)), .. roots.Serving.TakeLast(1).Select(r => r.RenewAt),
        ];
        return moments.Where(m => m > now).Select(m => (DateTimeOffset?)m).Min();
    }

    private RootSet Add(RootSet roots, DateTimeOffset moment, TimeSpan delay)
    {
        DateTimeOffset now = CertificateFactory.WholeSecond(moment);
        string id = $"{now:yyyyMMddHHmmss}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}";
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        X509Certificate2 certificate = CertificateFactory.CreateRoot(key, $"Culvert root {id}", now - AuthorityBackdating, now + options.RootLifetime);
        return AddMissingCrosses(roots with { Serving = roots.Serving.Add(new(new(id, now + delay, now + delay), certificate, key, null)) }, now);
    }

    /// <summary>Folders of older versions hold none.</summary>
    private static RootSet AddMissingCrosses(RootSet roots, DateTimeOffset now)
    {
        for (int i = 1; i < roots.Serving.Length; i++)
        {
            (Root issuer, Root root) = (roots.Serving[i - 1], roots.Serving[i]);
            if (root.Cross is not null) continue;
            X509Certificate2 cross = CertificateFactory.CreateCross(root.Certificate, issuer.Certificate, issuer.Key, now - AuthorityBackdating, issuer.NotAfter);
            roots = roots with { Serving = roots.Serving.SetItem(i, root.WithCross(cross)) };
        }
        return roots;
    }

    private static DateTimeOffset LeavesAt(Root root) => root.Record.ServesUntil + BuiltInCertificateAuthority.LeafBackdating;

    /// <summary>A removed root's certificates have not ended: nodes may have them renewed for as long as if the root had stayed.</summary>
    private DateTimeOffset ForgottenAt(RootRecord record) =>
        (record.Removed && record.ServesUntil > record.Retired!.Value ? record.ServesUntil : record.Retired!.Value) + options.RetiredRootGrace;
}
