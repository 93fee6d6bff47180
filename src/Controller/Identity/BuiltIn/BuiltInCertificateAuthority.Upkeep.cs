using System.Collections.Immutable;
using System.Security.Cryptography;
using Culvert.Core;

namespace Culvert.Controller.Identity.BuiltIn;

/// <content>How the roots change: a change counts when it is written. One at a time, on top of what was written last, by whomever.</content>
public sealed partial class BuiltInCertificateAuthority
{
    private readonly SemaphoreSlim _changing = new(1);
    private volatile bool _isStale;
    private bool _isUnsaved;

    /// <summary>Changes the roots. Where another authority of the same store has written meanwhile, what that one has written is changed.</summary>
    /// <exception cref="IOException">It can't be written, or what another has written can't be read; nothing has changed.</exception>
    /// <returns>What the roots are then; what it holds may be another's to end by the time that it is looked at, but the records.</returns>
    private async Task<RootSet> ChangeAsync(Func<RootSet, DateTimeOffset, RootSet> change, CancellationToken cancellationToken)
    {
        await _changing.WaitAsync(cancellationToken);
        try
        {
            ObjectDisposedException.ThrowIf(_isDisposed, this);
            while (true)
            {
                if (_isStale) await ReloadAsync(cancellationToken);
                RootSet before = _roots, after = change(before, _time.GetUtcNow());
                if (ReferenceEquals(after, before)) return SetTimer(before);
                string? version;
                try
                {
                    version = await _store.SaveAsync(before, after, cancellationToken);
                }
                catch
                {
                    // It may have been written all the same, and only the answer is lost.
                    _isStale = true;
                    after.Dispose(except: before);
                    throw;
                }
                if (version is not null)
                {
                    Install(after with { Version = version });
                    return SetTimer(_roots);
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
        // Before it is read: what is written meanwhile is another reason to read.
        _isStale = false;
        try
        {
            RootSet loaded = await _store.LoadAsync(cancellationToken);
            if (loaded.Version == _roots.Version) loaded.Dispose(except: RootSet.Empty);
            else if (loaded.Serving.IsEmpty && !_roots.Serving.IsEmpty) await WriteAgainAsync(loaded, cancellationToken);
            else Install(loaded);
        }
        catch
        {
            _isStale = true;
            throw;
        }
    }

    /// <summary>Somebody has emptied the store. What is known here is what the mesh trusts: to begin with a new root instead would cut off every agent.</summary>
    private async Task WriteAgainAsync(RootSet emptied, CancellationToken cancellationToken)
    {
        emptied.Dispose(except: RootSet.Empty);
        if (await _store.SaveAsync(RootSet.Empty with { Version = emptied.Version }, _roots, cancellationToken) is not { } version)
        {
            _isStale = true;
            return;
        }
        Install(_roots with { Version = version });
        IdentityLog.WrittenAgain(_logger);
    }

    private void Install(RootSet next, bool isTold = true)
    {
        RootSet before;
        bool changed;
        lock (_lock)
        {
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
            if (changed) _jwtKeys = next.Serving.Select(r => r.Jwt.Public).ToEquatableArray();
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

    /// <summary>Does what is due.</summary>
    private async Task MaintainAsync(CancellationToken cancellationToken)
    {
        await ChangeAsync((roots, now) => _changes.Upkeep(roots, NotedServing(), now), cancellationToken);
        _isUnsaved = false;
    }

    /// <summary>Nobody is there to catch what goes wrong, a full disk for one. What was written last goes on to count, so that renewals do.</summary>
    private async Task MaintainSafelyAsync()
    {
        try
        {
            await MaintainAsync(_stop.Token);
        }
        catch (Exception e) when ((e is OperationCanceledException && _stop.IsCancellationRequested) || (e is ObjectDisposedException && _isDisposed))
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

    /// <summary>For when something is due next. Of the one that changes the roots, since nobody else ends what they hold meanwhile.</summary>
    private RootSet SetTimer(RootSet roots)
    {
        DateTimeOffset now = _time.GetUtcNow();
        TimeSpan next = _changes.NextAfter(roots, now) - now + TimeSpan.FromMilliseconds(1) ?? LongestTimer;
        SetTimer(next < LongestTimer ? next : LongestTimer);
        return roots;
    }

    private void SetTimer(TimeSpan next)
    {
        lock (_lock)
        {
            if (!_isDisposed) _timer.Change(next, Timeout.InfiniteTimeSpan);
        }
    }
}
