using System.Net.Sockets;
using Culvert.Logging;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Finds out who has connected, before anything is read, and bounds how many do. One after the other: looking costs system calls, and whoever connects without end is not to cost more than one processor. Thread-safe.</summary>
/// <param name="attestor">Finds out.</param>
/// <param name="places">The bounds.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said who has no identity here, and why.</param>
internal sealed class CallerConnections(IWorkloadAttestor attestor, CallerPlaces places, TimeProvider time, ILogger logger) : IDisposable
{
    /// <summary>Most connections of all, those that were not looked at yet included.</summary>
    internal const int Most = 4096;

    // Different reasons that are said in so long; a pod that asks again and again is told of once.
    private const int MostSaid = 64;

    private static readonly TimeSpan SaidFor = TimeSpan.FromMinutes(10);
    private static readonly object Key = new();

    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly HashSet<string> _said = new(StringComparer.Ordinal);
    private long _saidSince;

    /// <summary>Who has made a connection; null: nobody who has an identity here.</summary>
    /// <param name="connection">Items of the connection.</param>
    internal static AttestedCaller? CallerOf(IConnectionItemsFeature? connection) => connection?.Items.TryGetValue(Key, out object? caller) == true ? (AttestedCaller?)caller : null;

    /// <summary>Serves a connection.</summary>
    internal async Task ServeAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        AttestedCaller? caller = connection.Features.Get<IConnectionSocketFeature>()?.Socket is { } socket ? await AttestAsync(socket, connection.ConnectionClosed) : null;
        using IDisposable? place = places.TryConnect(caller?.Uid ?? "");
        if (place is null)
        {
            connection.Abort(new ConnectionAbortedException("too many connections"));
            return;
        }
        connection.Items[Key] = caller;
        await FilteredInput.ServeAsync(connection, next);
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async Task<AttestedCaller?> AttestAsync(Socket socket, CancellationToken closed)
    {
        try
        {
            await _turn.WaitAsync(closed);
        }
        catch (OperationCanceledException)
        {
            return null; // who has connected is gone
        }

        try
        {
            if (attestor.Attest(socket, out string reason) is { } caller) return caller;
            Say(reason);
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            Say(e.Message);
        }
        finally
        {
            _turn.Release();
        }
        return null;
    }

    // In its turn.
    private void Say(string reason)
    {
        if (_saidSince == 0 || time.GetElapsedTime(_saidSince) > SaidFor)
        {
            _said.Clear();
            _saidSince = time.GetTimestamp();
        }
        if (_said.Count < MostSaid && _said.Add(reason)) WorkloadApiLog.NotAttested(logger, reason);
    }
}

internal static partial class WorkloadApiLog
{
    [LoggerMessage(EventId = LogEventIds.WorkloadApiNotAttested, Level = LogLevel.Information, Message = "a caller of the Workload API has no identity here: {Reason}")]
    internal static partial void NotAttested(ILogger logger, string reason);
}
