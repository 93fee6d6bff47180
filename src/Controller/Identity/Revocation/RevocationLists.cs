using System.Collections.Immutable;
using Culvert.Controller.Files;
using Culvert.Core;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Revocation;

/// <summary>
/// The certificates that files of revocation lists name, which are looked at every few seconds from its start to its stop. A file that can't be used later changes nothing: what it said last is in force. Safe for any number of threads.
/// </summary>
/// <param name="paths">The files.</param>
/// <param name="authority">Whose roots the lists' issuers lead to.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what was read, and what can't be.</param>
internal sealed class RevocationLists(IReadOnlyList<string> paths, ICertificateAuthority authority, TimeProvider time, ILogger logger) : IHostedService, IDisposable
{
    private const int MostBytes = 8 << 20;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5), MostAhead = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, FileState> _files = paths.ToDictionary(p => p, _ => FileState.None, StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();
    private ImmutableArray<CertificateSerial> _serials = [];
    private bool _isTooMany;
    private bool _isUntold;
    private Task _watching = Task.CompletedTask;

    /// <summary>Raised after <see cref="Serials"/> has changed, on any thread.</summary>
    public event Action? Changed;

    /// <summary>Serial numbers of revoked certificates, each once. The same array as long as there are no others.</summary>
    public ImmutableArray<CertificateSerial> Serials => _serials;

    /// <summary>Reads the files for the first time.</summary>
    /// <exception cref="InvalidDataException">One can't be used: who starts without it would believe what is revoked.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (paths.Count == 0) return;
        foreach (string path in paths) _files[path] = await ReadAsync(path, FileState.None, cancellationToken);
        Take();
        if (_isTooMany) throw new InvalidDataException($"The files of --crl name more than {RevokedCredentials.MostListed} certificates: have those that have ended left out.");
        _watching = Task.Run(WatchAsync, CancellationToken.None);
    }

    /// <summary>Looks no longer.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _watching;
    }

    public void Dispose() => _stop.Dispose();

    private async Task WatchAsync()
    {
        while (true)
        {
            await Task.Delay(Interval, time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (_stop.IsCancellationRequested) return;
            try
            {
                foreach (string path in paths) _files[path] = await ReadAgainAsync(path, _files[path]);
                Take();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                // A bug of whoever was told: without this loop nothing would be revoked any more.
                RevocationLog.NotTaken(logger, e);
            }
        }
    }

    private async Task<FileState> ReadAgainAsync(string path, FileState before)
    {
        FileState read;
        try
        {
            read = await ReadAsync(path, before, _stop.Token);
        }
        catch (InvalidDataException e)
        {
            if (before.Failure != e.Message) RevocationLog.NotRead(logger, Interval.TotalSeconds, e.Message);
            return before with { Failure = e.Message };
        }
        if (!read.IsLate && read.Lists.FirstOrDefault(l => l.NextUpdate < time.GetUtcNow()) is { } late)
        {
            RevocationLog.Late(logger, path, late.Issuer.Name, late.NextUpdate!.Value);
            read = read with { IsLate = true };
        }
        foreach (RevocationList gone in before.Lists.Where(b => !read.Lists.Any(l => l.IsOfIssuerOf(b)))) RevocationLog.Gone(logger, path, gone.Issuer.Name, gone.Serials.Length);
        if (before.Failure is not null) RevocationLog.ReadAgain(logger, path);
        return read with { Failure = null };
    }

    private async Task<FileState> ReadAsync(string path, FileState before, CancellationToken cancellationToken)
    {
        byte[] content;
        try
        {
            content = await BoundedFile.ReadAsync(path, MostBytes, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} can't be read: {e.Message}", e);
        }

        // Of a root that has gone the list stays: what was revoked is not believed again.
        if (before.Content is { } known && content.AsSpan().SequenceEqual(known)) return before;
        try
        {
            ImmutableArray<RevocationList> lists = RevocationListFile.Read(content, authority.Roots, time.GetUtcNow());
            foreach (RevocationList list in lists) RequireRightTime(list, before.Newest);
            foreach (RevocationList list in lists) RevocationLog.Read(logger, path, list.Issuer.Name, list.ThisUpdate, list.Serials.Length);
            return new(content, lists, [.. lists, .. before.Newest.Where(b => !lists.Any(l => l.IsOfIssuerOf(b)))], null, IsLate: false);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path} {e.Message}.", e);
        }
    }

    /// <summary>What was revoked is not believed again for a list that somebody has kept; and one of a time to come would keep all others out until then.</summary>
    private void RequireRightTime(RevocationList list, ImmutableArray<RevocationList> newest)
    {
        if (list.ThisUpdate > time.GetUtcNow() + MostAhead) throw new InvalidDataException($"has a list of '{list.Issuer.Name}' of {list.ThisUpdate:u}, which is yet to come: check the clocks");
        if (newest.FirstOrDefault(n => n.IsOfIssuerOf(list) && n.ThisUpdate > list.ThisUpdate) is { } newer)
            throw new InvalidDataException($"has a list of '{list.Issuer.Name}' of {list.ThisUpdate:u}, and that of {newer.ThisUpdate:u} is known");
    }

    private void Take()
    {
        ImmutableArray<CertificateSerial> all = [.. _files.Values.SelectMany(f => f.Lists).SelectMany(l => l.Serials).Distinct()];
        if (all.Length > RevokedCredentials.MostListed)
        {
            if (!_isTooMany) RevocationLog.TooMany(logger, all.Length, RevokedCredentials.MostListed);
            _isTooMany = true;
            return;
        }
        _isTooMany = false;
        if (!all.AsSpan().SequenceEqual(_serials.AsSpan())) _isUntold = true;
        if (!_isUntold) return;
        ImmutableInterlocked.InterlockedExchange(ref _serials, all);

        // Once more the next time, where somebody who is told fails.
        Changed?.Invoke();
        _isUntold = false;
    }

    /// <param name="Content">What the file had in it when it could be used last; null: it was not read yet.</param>
    /// <param name="Lists">Its lists.</param>
    /// <param name="Newest">Of each issuer whose list it has ever had the newest one: an older one is not taken, either, when it had none for a while.</param>
    /// <param name="Failure">Why it could not be used the last time; null: it could.</param>
    /// <param name="IsLate">Whether it was said that another list is due.</param>
    private sealed record FileState(byte[]? Content, ImmutableArray<RevocationList> Lists, ImmutableArray<RevocationList> Newest, string? Failure, bool IsLate)
    {
        public static FileState None { get; } = new(null, [], [], null, IsLate: false);
    }
}
