namespace Culvert.Controller.Identity.BuiltIn;

/// <content>What people ask of the roots: another one, and one less.</content>
public sealed partial class BuiltInCertificateAuthority
{
    /// <inheritdoc cref="RotateRootAsync(bool, RootName, CancellationToken)"/>
    public Task RotateRootAsync(bool signNow, CancellationToken cancellationToken) => RotateRootAsync(signNow, null, cancellationToken);

    /// <summary>Begins to replace the root: the new one is in the bundle at once and signs after <see cref="CertificateAuthorityOptions.RootActivationDelay"/>.</summary>
    /// <param name="signNow">Without that delay, and also when a new root is waiting already: that one signs from now on.</param>
    /// <param name="newest">The root that was the newest when this was asked for: where another one is by now, or that one signs that waited, it has been done. Null: whichever is.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">A new root is waiting to sign already.</exception>
    /// <exception cref="IOException">The new root can't be written, or it is not known whether it was: what is in force is as before until that is.</exception>
    internal async Task RotateRootAsync(bool signNow, RootName? newest, CancellationToken cancellationToken)
    {
        RootSet changed = await ChangeAsync((roots, now) => newest is null || RootName.Of(roots.Serving[^1].Record) == newest ? _changes.Rotate(roots, signNow, now) : roots, cancellationToken);
        if (signNow) IdentityLog.RootSignsNow(_logger, changed.Serving[^1].Record.Id);
        await MaintainSafelyAsync();
    }

    /// <summary>
    /// Takes a root out of the bundle now and deletes its key. What it has signed is trusted by nobody any more; nodes can have their certificates renewed with those that are known to have been
    /// signed here. Of a root that has left the bundle by itself nothing else is renewed any more, either.
    /// </summary>
    /// <param name="id">Its name, as in the record.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="InvalidOperationException">There is no such root, or it is the one that signs; the message is the end of a sentence.</exception>
    /// <exception cref="IOException">It can't be written; nothing has changed.</exception>
    public async Task RemoveRootAsync(string id, CancellationToken cancellationToken)
    {
        await ChangeAsync((roots, now) => RootChanges.Remove(roots, id, now), cancellationToken);
        await MaintainSafelyAsync();
    }
}
