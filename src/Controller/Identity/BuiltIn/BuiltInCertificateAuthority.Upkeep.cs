using System.Collections.Immutable;
using System.Security.Cryptography;

namespace Culvert.Controller.Identity.BuiltIn;

/// <content>How the roots change: what is written counts. One change at a time, on top of what was written last, by whomever.</content>
public sealed partial class BuiltInCertificateAuthority
{
    private readonly SemaphoreSlim _changing = new(1);
    private volatile bool _isStale;
    private bool _isUnsaved;

    /// <summary>Changes the roots. Where another authority of the same store has written meanwhile, what that one has written is changed.</summary>
    /// <exception cref="IOException">It can't be written, or what another has written can't be read; nothing has changed.</exception>
    private async Task ChangeAsync(Func<RootSet, DateTimeOffset, RootSet> change, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            while (true)
            {
                if (_isStale) await ReloadAsync(cancellationToken);
                RootSet before = _roots, after = change(before, _time.GetUtcNow());
                if (ReferenceEquals(after, before)) break;
                string? version;
                try
                {
                    version = await _store.SaveAsync(before, after, cancellationToken);
                }
                catch
                {
                    after.Dispose(except: before);
                    throw;
                }
                if (version is not null)
                {
                    Install(after with { Version = version });
                    break;
                }
                after.Dispose(except: before);
                _isStale = true;
            }
        }
        finally
        {
            _changing.Release();
        }
    }

    private async Task ReloadAsync(CancellationToken cancellationToken)
    {
        RootSet loaded = await _store.LoadAsync(cancellationToken);
        _isStale = false;
        if (loaded.Version == _roots.Version) loaded.Dispose(except: RootSet.Empty);
        else Install(loaded);
    }

    private void Install(RootSet next, bool isTold = true)
    {
        RootSet before;
        bool changed;
        lock (_lock)
        {
            if (_isDisposed)
            {
                next.Dispose(except: RootSet.Empty);
                return;
            }
            before = _roots;
            _roots = next;
            foreach (Root root in next.Serving)
            {
                if (_servesUntil.TryGetValue(root.Record.Id, out DateTimeOffset until) && until <= root.Record.ServesUntil) _servesUntil.Remove(root.Record.Id);
            }
            foreach (string id in _intermediates.Keys.Where(id => next.Serving.All(r => r.Record.Id != id)).ToArray())
            {
                _intermediates.Remove(id, out Intermediate? intermediate);
                intermediate!.Dispose();
            }
            before.Dispose(except: next);
            ImmutableArray<ReadOnlyMemory<byte>> bundle = next.Bundle;
            changed = bundle.Length != _bundle.Length || bundle.Zip(_bundle).Any(pair => !pair.First.Span.SequenceEqual(pair.Second.Span));
            _bundle = bundle;
        }
        if (isTold) Tell(before, next);
        if (changed) RootsChanged?.Invoke();
    }

    private void Tell(RootSet before, RootSet after)
    {
        foreach (Root root in after.Serving.Where(r => before.Records.All(b => b.Id != r.Record.Id))) IdentityLog.RootMade(_logger, root.Record.Id, root.Record.Activates);
        foreach (RootRecord record in after.Retired.Select(r => r.Record).Where(r => before.Records.FirstOrDefault(b => b.Id == r.Id) is { } b && b != r))
        {
            if (record.Removed) IdentityLog.RootRemoved(_logger, record.Id);
            else IdentityLog.RootLeft(_logger, record.Id);
        }
        foreach (Root root in before.Serving.Where(r => after.Serving.All(a => a.Record.Id != r.Record.Id))) IdentityLog.RootKeyDeleted(_logger, root.Record.Id);
    }

    /// <summary>Does what is due, then sets the timer for the next time.</summary>
    private async Task MaintainAsync(CancellationToken cancellationToken)
    {
        await ChangeAsync((roots, now) => _changes.Upkeep(roots, NotedServing(), now), cancellationToken);
        _isUnsaved = false;
        DateTimeOffset now = _time.GetUtcNow();
        TimeSpan next = _changes.NextAfter(_roots, now) - now + TimeSpan.FromMilliseconds(1) ?? LongestTimer;
        SetTimer(next < LongestTimer ? next : LongestTimer);
    }

    /// <summary>Nobody is there to catch what goes wrong, a full disk for one. What counts is in memory, so that renewals go on.</summary>
    private async Task MaintainSafelyAsync()
    {
        try
        {
            await MaintainAsync(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // It ends.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            if (!_isUnsaved) IdentityLog.NotSaved(_logger, e.Message);
            _isUnsaved = true;
            SetTimer(UpkeepRetry);
        }
        catch (CryptographicException e)
        {
            IdentityLog.UpkeepFailed(_logger, e);
            SetTimer(UpkeepRetry);
        }
    }

    private void OnStoreChanged()
    {
        _isStale = true;
        _ = MaintainSafelyAsync();
    }

    private ImmutableDictionary<string, DateTimeOffset> NotedServing()
    {
        lock (_lock) return _servesUntil.ToImmutableDictionary();
    }

    private void SetTimer(TimeSpan next)
    {
        lock (_lock)
        {
            if (!_isDisposed) _timer.Change(next, Timeout.InfiniteTimeSpan);
        }
    }
}
