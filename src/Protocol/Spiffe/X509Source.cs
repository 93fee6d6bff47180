using Culvert.Core;
using Culvert.Protocol.WorkloadApi;
using Grpc.Core;
using Grpc.Net.Client;

namespace Culvert.Protocol.Spiffe;

/// <summary>
/// This process's own identity by the Workload API, kept current for as long as it runs. A certificate that has been told stays in use until its end while the API does not answer, and not a moment longer, also where
/// an agent of SPIRE goes on to serve it. Safe for any number of threads.
/// </summary>
public sealed class X509Source : IAsyncDisposable
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(15);

    // What ends sooner is no stream: it is asked again as after a failure.
    private static readonly TimeSpan ShortStream = TimeSpan.FromSeconds(5);
    private static readonly Metadata SecurityHeader = new() { { "workload.spiffe.io", "true" } };

    private readonly SpiffeEndpoint _endpoint;
    private readonly TimeProvider _time;
    private readonly Action<string> _failed;
    private readonly Func<SpiffeId, bool>? _isWanted;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;
    private volatile State _state = new(null, null);

    /// <summary>Begins to ask.</summary>
    /// <param name="endpoint">Where the Workload API is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="failed">Told why there is no answer, each time that this is another reason than before.</param>
    /// <param name="isWanted">Which of several identities is meant; null: the first.</param>
    public X509Source(SpiffeEndpoint endpoint, TimeProvider time, Action<string> failed, Func<SpiffeId, bool>? isWanted = null)
    {
        (_endpoint, _time, _failed, _isWanted) = (endpoint, time, failed, isWanted);
        _running = RunAsync();
    }

    /// <summary>The identity; null before the API has told it, and when its certificate has ended.</summary>
    public X509Context? Current => _state.Context is { } context && context.NotAfter > _time.GetUtcNow() ? context : null;

    /// <summary>Why there is no <see cref="Current"/> one; the end of a sentence.</summary>
    public string WhyNone => _state switch
    {
        { Failure: { } failure } => failure,
        { Context: { } ended } => $"the Workload API at {_endpoint} gave a certificate that has ended at {ended.NotAfter:u}, and no other",
        _ => $"the Workload API at {_endpoint} has not answered yet",
    };

    /// <summary>Why there has been no answer since the last one; null where there was none but answers.</summary>
    public string? Failure => _state.Failure;

    /// <summary>Stops asking.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        int failures = 0;
        while (!_stop.IsCancellationRequested)
        {
            long begun = _time.GetTimestamp();
            try
            {
                using GrpcChannel channel = _endpoint.OpenChannel();
                SpiffeWorkloadAPI.SpiffeWorkloadAPIClient client = new(channel.CreateCallInvoker());
                using AsyncServerStreamingCall<X509SVIDResponse> call = client.FetchX509SVID(new(), SecurityHeader, cancellationToken: _stop.Token);
                while (await call.ResponseStream.MoveNext(_stop.Token))
                {
                    _state = new(X509ContextReader.Read(call.ResponseStream.Current, _isWanted), null);
                }
                Fail($"the Workload API at {_endpoint} has ended its stream");
            }
            catch (Exception e) when (_stop.IsCancellationRequested && e is OperationCanceledException or RpcException)
            {
                return;
            }
            catch (Exception e) when (e is RpcException or InvalidDataException)
            {
                Fail(Remedy(e));
            }
            if (_time.GetElapsedTime(begun) >= ShortStream) failures = 0;
            TimeSpan wait = FirstRetry * Math.Pow(2, Math.Min(failures++, 6));
            await Task.Delay((wait < LongestRetry ? wait : LongestRetry) * (0.5 + (0.5 * Random.Shared.NextDouble())), _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private void Fail(string reason)
    {
        State before = _state;
        _state = before with { Failure = reason };
        if (before.Failure != reason) _failed(reason);
    }

    private string Remedy(Exception failure) => $"the Workload API at {_endpoint}: {CallFailure.Describe(failure)}" + (failure is RpcException call ? CallFailure.CodeOf(call) : null as StatusCode?) switch
    {
        StatusCode.PermissionDenied => "; nobody has registered this process: make an entry whose selectors fit it",
        StatusCode.Unavailable => "; does the agent run, and is this its socket?",
        StatusCode.Unimplemented => "; this is another socket, such as the agent's admin socket",
        _ => "",
    };

    private sealed record State(X509Context? Context, string? Failure);
}
