using System.Security.Cryptography.X509Certificates;

namespace Culvert.Controller.Identity.BuiltIn;

/// <content>What people ask of the roots: another one, and one less.</content>
public sealed partial class BuiltInCertificateAuthority
{
    /// <summary>Begins to replace the root: the new one is in the bundle at once and signs after <see cref="CertificateAuthorityOptions.RootActivationDelay"/>.</summary>
    /// <param name="signNow">Without that delay, and also when a new root is waiting already: that one signs from now on.</param>
    /// <exception cref="InvalidOperationException">A new root is waiting to sign already.</exception>
    /// <exception cref="IOException">The new root can't be written; nothing has changed.</exception>
    public void RotateRoot(bool signNow = false)
    {
        lock (_lock)
        {
            DateTimeOffset now = _time.GetUtcNow();
            Root newest = _roots[^1];
            bool isWaiting = newest.Record.Activates > now;
            if (isWaiting && !signNow) throw new InvalidOperationException($"A new root is in the bundle already and signs from {newest.Record.Activates:u} on.");
            if (isWaiting)
            {
                newest.Record = newest.Record with { Activates = now };
                TrySave();
            }
            else
            {
                AddRoot(signNow ? TimeSpan.Zero : _options.RootActivationDelay);
            }
            if (signNow) IdentityLog.RootSignsNow(_logger, _roots[^1].Record.Id);
        }
        Maintain();
    }

    /// <summary>
    /// Takes a root out of the bundle now and deletes its key. What it has signed is trusted by nobody any more; nodes can have their certificates renewed with those that are known to have been
    /// signed here. Of a root that has left the bundle by itself nothing else is renewed any more, either.
    /// </summary>
    /// <param name="id">Its name, as in the record.</param>
    /// <exception cref="InvalidOperationException">There is no such root, or it is the one that signs; the message is the end of a sentence.</exception>
    /// <exception cref="IOException">It can't be written; nothing has changed.</exception>
    public void RemoveRoot(string id)
    {
        lock (_lock)
        {
            DateTimeOffset now = _time.GetUtcNow();
            if (RootRemovalRule.Refusal([.. _retired.Select(r => r.Record), .. _roots.Select(r => r.Record)], id, now) is { } refusal) throw new InvalidOperationException(refusal);
            int at = _roots.FindIndex(r => r.Record.Id == id);
            if (at >= 0) RemoveServing(at, now);
            else Distrust(_retired.FindIndex(r => r.Record.Id == id));
            IdentityLog.RootRemoved(_logger, id);
        }
        Maintain();
    }

    private void RemoveServing(int at, DateTimeOffset now)
    {
        Root root = _roots[at];
        RootRecord record = root.Record with { Retired = now, Removed = true };

        // On disk first: what a restart would take back was not removed.
        using (RetiredRoot written = new(record, X509CertificateLoader.LoadCertificate(root.Certificate.RawData), null)) SaveIndex([.. _retired, written], _roots.Where(r => r != root));
        _retired.Add(Retire(root, record));
        _roots.RemoveAt(at);
        if (at == 0 || at == _roots.Count) return;

        // The way from older roots to the ones after it went by this one.
        _roots[at].Cross?.Dispose();
        _roots[at].Cross = null;
        AddMissingCrosses(now);
    }

    private void Distrust(int at)
    {
        RetiredRoot root = _retired[at];
        RetiredRoot removed = new(root.Record with { Removed = true }, root.Certificate, root.Cross);
        SaveIndex([.. _retired.Select(r => r == root ? removed : r)], _roots);
        _retired[at] = removed;
    }
}
