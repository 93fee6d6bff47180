using System.Net;
using Culvert.Cni;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Cni;

/// <summary>
/// Serves the calls of the CNI plugin. A pod is let start when it is captured, or when the controller says that it is not in the mesh; as long as neither is known it waits, and then its runtime tries again. Thread-safe.
/// </summary>
/// <param name="mesh">What is told and what is captured.</param>
/// <param name="attachments">What runtimes have told.</param>
/// <param name="findHostEnd">The host's end of the link of a pod that is about to start; null where it is not known.</param>
/// <param name="calls">Where calls are counted, by command and result, in seconds.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">The agent's log.</param>
internal sealed class CniCommands(ICniMesh mesh, PodAttachments attachments, Func<CniRequest, string?> findHostEnd, HistogramFamily calls, TimeProvider time, ILogger logger)
{
    // What has failed may go well without anything that tells of it.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(1);

    // Time for the controller to tell of a pod whose runtime was quicker.
    private static readonly TimeSpan Forgotten = TimeSpan.FromMinutes(10);

    private long _attempted;

    /// <summary>Serves one call.</summary>
    /// <param name="request">The call.</param>
    /// <param name="cancellationToken">Ends the wait; nobody hears the answer then.</param>
    internal async Task<CniAnswer> ServeAsync(CniRequest request, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        string result = "abandoned";
        try
        {
            CniAnswer answer = await AnswerAsync(request, cancellationToken);
            result = answer.Code switch { CniErrorCode.None => "ok", CniErrorCode.TryAgainLater => "try-again-later", _ => "failed" };
            return answer;
        }
        finally
        {
            calls.With(request.Command.ToString().ToLowerInvariant(), result).Observe(time.GetElapsedTime(start).TotalSeconds);
        }
    }

    private async Task<CniAnswer> AnswerAsync(CniRequest request, CancellationToken cancellationToken)
    {
        try
        {
            return request.Command switch
            {
                // The controller itself may be among these, and could not start if it had to say so first.
                CniCommand.Add or CniCommand.Check when ExemptNamespaces.Contains(request.PodNamespace) => CniAnswer.Ok,
                CniCommand.Add => await AddAsync(request, cancellationToken),
                CniCommand.Check => Check(request),

                // Without a snapshot as well: a node that says it is not ready is given no pods, and what the agent waits for may be one.
                CniCommand.Status => CniAnswer.Ok,
                CniCommand.Del => Del(request),
                CniCommand.Gc => Gc(request),
                _ => throw new ArgumentOutOfRangeException(nameof(request), request.Command, "it is not served"),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new CniAnswer { Code = CniErrorCode.IoFailure, Message = $"culvert: {e.Message}" };
        }
    }

    private async Task<CniAnswer> AddAsync(CniRequest request, CancellationToken cancellationToken)
    {
        long start = time.GetTimestamp();
        TimeSpan wait = TimeSpan.FromMilliseconds(request.WaitMilliseconds);
        NamespacedName name = new(request.PodNamespace, request.PodName);
        PodAttachment? attachment = null;
        NodeSnapshot? tried = null;
        string reason;
        try
        {
            while (true)
            {
                Task change = mesh.NextChange;
                NodeSnapshot told = mesh.Told;
                (WorkloadInfo? pod, reason) = Find(told, request);
                if (pod is not null)
                {
                    if (attachment is null)
                    {
                        Forget(pod);
                        attachments.Add(attachment = AttachmentOf(request, name, pod));
                    }
                    if (!pod.Enrolled) return Keep();
                    if (Captured(pod, attachment) is null)
                    {
                        // Once for each snapshot; then one of all that wait tries again from time to time, whose attempt is no change that wakes it.
                        if (!ReferenceEquals(tried, told) || time.GetElapsedTime(Volatile.Read(ref _attempted)) >= Again) reason = await CaptureAsync(pod, attachment, cancellationToken);
                        else reason = WhyNotCaptured(pod);
                        tried = told;
                        change = mesh.NextChange;
                    }
                    if (Captured(pod, attachment) is { } endpoint)
                    {
                        CniLog.PodStarted(logger, name.ToString(), string.Join(' ', endpoint.Workload.Addresses), endpoint.Interface, (long)time.GetElapsedTime(start).TotalMilliseconds);
                        return Keep();
                    }
                }
                TimeSpan left = wait - time.GetElapsedTime(start);
                if (left <= TimeSpan.Zero) break;
                await ((Task)change.WaitAsync(left < Again ? left : Again, time, cancellationToken)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            // The runtime asks for DEL as well; one that does not must leave nothing either.
            if (attachment is not null) attachments.Withdraw(attachment);
        }
        CniLog.PodNotStarted(logger, name.ToString(), reason);
        return new CniAnswer { Code = CniErrorCode.TryAgainLater, Message = $"culvert: pod {name} waits: {reason}", Details = "`culvert status` on this node says more; the runtime tries again" };

        CniAnswer Keep()
        {
            attachment = null;
            return CniAnswer.Ok;
        }
    }

    // What is to be told of it, or why it is not known yet.
    private static (WorkloadInfo? Pod, string Reason) Find(NodeSnapshot told, CniRequest request)
    {
        if (told.Version == 0) return (null, "the agent has nothing of the mesh in force yet, see whether it reaches the controller");
        NamespacedName name = new(request.PodNamespace, request.PodName);
        if (!told.Workloads.TryGetValue(name.ToString(), out WorkloadInfo? pod) || pod.Node != told.Node)
            return (null, $"the controller has not told node {told.Node} of it yet, see whether the agent reaches the controller, and the controller the API server");
        return request.PodUid.Length > 0 && pod.PodUid is { } uid && uid != request.PodUid
            ? (null, $"the controller has told of an earlier pod of its name only (uid {uid}, and not {request.PodUid})")
            : (pod, "");
    }

    private PodAttachment AttachmentOf(CniRequest request, NamespacedName name, WorkloadInfo pod) => new()
    {
        Name = request.Attachment,
        Pod = name,
        PodUid = request.PodUid.Length > 0 ? request.PodUid : null,
        NetworkNamespace = request.NetworkNamespace.Length > 0 ? request.NetworkNamespace : null,
        HostInterface = findHostEnd(request),
        Addresses = request.Addresses.Select(IPAddress.Parse).ToEquatableArray(),
        ToldBefore = pod.Addresses,
        Added = time.GetUtcNow(),
    };

    // Of pods that have gone, while no agent was there to hear of it.
    private void Forget(WorkloadInfo except)
    {
        NodeSnapshot told = mesh.Told;
        DateTimeOffset old = time.GetUtcNow() - Forgotten;
        attachments.KeepOnly(a => a.Added > old || a.Pod == except.Name || (told.Workloads.TryGetValue(a.Pod.ToString(), out WorkloadInfo? pod) && pod.Node == told.Node && a.IsOf(pod)));
    }

    // Why it has not come to that; empty where nobody says.
    private async Task<string> CaptureAsync(WorkloadInfo pod, PodAttachment attachment, CancellationToken cancellationToken)
    {
        Volatile.Write(ref _attempted, time.GetTimestamp());
        try
        {
            await mesh.RejoinAsync(() => Captured(pod, attachment) is null, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return $"it can't be captured: {e.Message}";
        }
        return WhyNotCaptured(pod);
    }

    private string WhyNotCaptured(WorkloadInfo pod) => mesh.InForce.NotCaptured.TryGetValue(pod.Uid, out string? why) ? $"it can't be captured: {why}" : "it is not captured";

    private LocalEndpoint? Captured(WorkloadInfo pod, PodAttachment? attachment) => mesh.InForce.Endpoints.FirstOrDefault(e =>
        e.Workload.Uid == pod.Uid && e.Workload.PodUid == pod.PodUid && !e.Workload.Addresses.IsEmpty
        && (attachment is null || pod.Addresses != attachment.ToldBefore || attachment.Addresses.All(e.Workload.Addresses.Contains)));

    private CniAnswer Check(CniRequest request)
    {
        (WorkloadInfo? pod, string reason) = Find(mesh.Told, request);
        if (pod is null) return new CniAnswer { Code = CniErrorCode.TryAgainLater, Message = $"culvert: pod {request.PodNamespace}/{request.PodName}: {reason}" };
        if (!pod.Enrolled || Captured(pod, null) is not null) return CniAnswer.Ok;
        string why = mesh.InForce.NotCaptured.GetValueOrDefault(pod.Uid) ?? "the agent has been told nothing of it by its runtime";
        return new CniAnswer { Code = CniErrorCode.NotCaptured, Message = $"culvert: pod {pod.Uid} is in the mesh and not captured: {why}", Details = "`culvert status` on this node says more" };
    }

    private CniAnswer Del(CniRequest request)
    {
        attachments.Remove(request.Attachment);
        return CniAnswer.Ok;
    }

    private CniAnswer Gc(CniRequest request)
    {
        if (request.Valid is null) return new CniAnswer { Code = CniErrorCode.DecodingFailure, Message = "culvert: what is still there is not told" };
        HashSet<CniAttachmentName> valid = [.. request.Valid];
        attachments.KeepOnly(a => valid.Contains(a.Name));
        return CniAnswer.Ok;
    }
}
