using Culvert.Protocol;
using Culvert.Protocol.SpireAgentApi;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Identity.Spire;

/// <summary>
/// The connection to a SPIRE agent, made again and again. One stream, that of the bundles, tells whether there is one: others wait until it is let in, so that an agent that is away, or lets nobody in, is
/// asked by one call at a time, and is told of in the log once. Thread-safe.
/// </summary>
/// <remarks>
/// A bundle that has left is not told on an open stream. That is none of the own trust domain's, the only one that is looked at, and so the stream is not made anew for it.
/// </remarks>
/// <param name="endpoint">The agent's admin socket.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said what comes of it.</param>
internal sealed class SpireAgentLink(SpiffeEndpoint endpoint, TimeProvider time, ILogger logger)
{
    // After so many the pause, of some 5 s, grows no more: the agent of the own machine is soon asked.
    private const int MostFailures = 5;

    // What ends sooner has the next pause grow.
    private static readonly TimeSpan ShortSession = TimeSpan.FromSeconds(5);

    private volatile TaskCompletionSource<SpireAgentSession> _session = NewSession();
    private volatile string? _failure;

    /// <summary>Why there is no session; null while there is one, or it was not tried yet.</summary>
    internal string? Failure => _failure;

    /// <summary>Whether there is a session.</summary>
    internal bool IsConnected => _session.Task.IsCompletedSuccessfully;

    /// <summary>Where the agent is.</summary>
    internal SpiffeEndpoint Endpoint => endpoint;

    /// <summary>The session of now, or the next one.</summary>
    internal Task<SpireAgentSession> SessionAsync(CancellationToken cancellationToken) => _session.Task.WaitAsync(cancellationToken);

    /// <summary>The pause after so many failures one after the other.</summary>
    internal static TimeSpan PauseAfter(int failures) => RotationSchedule.RetryAfter(Math.Min(failures, MostFailures), Random.Shared.NextDouble());

    /// <summary>Connects and reads bundles until cancelled.</summary>
    /// <param name="take">Told each answer, one after the other; before anybody has the session.</param>
    /// <param name="stop">Ends it.</param>
    internal async Task RunAsync(Action<SubscribeToX509BundlesResponse> take, CancellationToken stop)
    {
        int failures = 0;
        while (!stop.IsCancellationRequested)
        {
            long begun = time.GetTimestamp();
            string reason;
            try
            {
                await FollowAsync(take, stop);
                reason = $"the SPIRE agent at {endpoint} has ended its stream of bundles";
            }
            catch (Exception) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                reason = SpireAgentFailure.Describe(endpoint, e);
            }
            if (time.GetElapsedTime(begun) >= ShortSession) failures = 0;
            if (_failure != reason) SpireAgentLog.Failed(logger, reason);
            _failure = reason;
            await Task.Delay(PauseAfter(failures++), time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static TaskCompletionSource<SpireAgentSession> NewSession() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private async Task FollowAsync(Action<SubscribeToX509BundlesResponse> take, CancellationToken stop)
    {
        using CancellationTokenSource ended = new();
        using GrpcChannel channel = endpoint.OpenChannel();
        try
        {
            CallInvoker invoker = channel.CreateCallInvoker();
            using AsyncServerStreamingCall<SubscribeToX509BundlesResponse> call = new DelegatedIdentity.DelegatedIdentityClient(invoker).SubscribeToX509Bundles(new(), cancellationToken: stop);
            while (await call.ResponseStream.MoveNext(stop))
            {
                take(call.ResponseStream.Current);
                if (IsConnected) continue;
                _failure = null;
                SpireAgentLog.Connected(logger, endpoint);
                _session.SetResult(new(invoker, ended.Token));
            }
        }
        finally
        {
            // Before they learn that this one is over, who then wait for the next.
            if (IsConnected) _session = NewSession();
            await ended.CancelAsync();
        }
    }
}
