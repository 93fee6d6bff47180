using System.Globalization;
using System.Security.Cryptography;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// Events by which people see, at a pod and at its node, that the mesh lacks the pod, and when it is back. What counts is the pod's status: an event that can't be written is lost, which is logged, and of what comes and goes all the time
/// a few a minute are told.
/// </summary>
/// <param name="client">Writes.</param>
/// <param name="instance">Which controller says so.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said that they can't be written.</param>
internal sealed class CaptureEvents(IKubernetesClient client, string instance, TimeProvider time, ILogger logger)
{
    /// <summary>Who says so.</summary>
    public const string Component = "culvert.dev/controller";

    /// <summary>Reason of the event when a pod can't be captured, and when it can be again.</summary>
    public const string NotCaptured = "NotCaptured", Captured = "Captured";

    /// <summary>Reason of the event when a pod that stays guarded does not get through.</summary>
    public const string Blocked = "Blocked";

    // Where events of objects go that are in no namespace, as the kubelet's.
    private const string NamespaceOfNodes = "default";
    private const int SuffixDigits = 10;

    // With the rest a name may have 253 characters.
    private const int LongestName = 200;

    // A node whose pods come and go tells no more than people read: as many at once of one object, and then one a minute.
    private const int Burst = 5, MostObjects = 4096;

    private static readonly TimeSpan Refill = TimeSpan.FromMinutes(1);

    /// <summary>By the uid of an object, when its budget is whole again.</summary>
    private readonly Dictionary<string, DateTimeOffset> _spent = new(StringComparer.Ordinal);

    private ApiFailure? _failure;

    /// <summary>Tells what is new. For one caller at a time.</summary>
    /// <param name="pods">Pods that can't be captured any more, and why, or can be again.</param>
    /// <param name="node">The node, when it can't capture some and could capture all before, or the other way round; else null.</param>
    /// <param name="refused">By name of a pod, why the node can't capture it now.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task WriteAsync(
        IEnumerable<CaptureNews> pods, string? node, IReadOnlyCollection<KeyValuePair<string, string>> refused, CancellationToken cancellationToken)
    {
        try
        {
            if (node is not null && MayTellOf(node)) await CreateAsync(OfNode(node, refused), cancellationToken);
            foreach (CaptureNews news in pods.Where(p => MayTellOf(p.Uid))) await CreateAsync(OfPod(news), cancellationToken);
            _failure = null;
        }
        catch (ApiException e)
        {
            if (e.Failure != _failure) KubernetesLog.EventNotWritten(logger, RoleRemedy.Of(e), e.Message);
            _failure = e.Failure;
        }
    }

    private bool MayTellOf(string uid)
    {
        DateTimeOffset now = time.GetUtcNow(), whole = _spent.TryGetValue(uid, out DateTimeOffset spent) && spent > now ? spent : now;
        if (whole - now > (Burst - 1) * Refill) return false;
        if (_spent.Count >= MostObjects && !_spent.ContainsKey(uid)) _spent.Clear();
        _spent[uid] = whole + Refill;
        return true;
    }

    private Corev1Event OfPod(CaptureNews news) => Make(
        news.Pod.Namespace, new() { ApiVersion = "v1", Kind = "Pod", NamespaceProperty = news.Pod.Namespace, Name = news.Pod.Name, Uid = news.Uid },
        news.Reason is null ? null : news.IsBlocked ? Blocked : NotCaptured,
        (news.Reason, news.IsBlocked) switch
        {
            (null, false) => "can be captured again: it is in the mesh",
            (null, true) => "what it sends and is sent gets through again",
            ({ } reason, false) => $"can't be captured, and is not in the mesh until it can: {reason}",
            ({ } reason, true) => $"stays in the mesh, and what it sends or is sent does not get through: {reason}",
        });

    private Corev1Event OfNode(string node, IReadOnlyCollection<KeyValuePair<string, string>> refused) => Make(
        NamespaceOfNodes, new() { ApiVersion = "v1", Kind = "Node", Name = node, Uid = node }, refused.Count > 0 ? NotCaptured : null, // its name for its uid, as the kubelet has it
        refused.Count == 0
            ? "all pods of the node that are meant to be in the mesh can be captured"
            : string.Create(CultureInfo.InvariantCulture, $"{(refused.Count == 1 ? "1 pod can't be captured and is not in the mesh until it can" : $"{refused.Count} pods can't be captured and are not in the mesh until they can")}; {refused.First().Key}: {refused.First().Value}"));

    private Corev1Event Make(string ns, V1ObjectReference about, string? trouble, string message)
    {
        DateTime now = time.GetUtcNow().UtcDateTime;
        return new()
        {
            Metadata = new() { NamespaceProperty = ns, Name = $"{about.Name![..Math.Min(about.Name!.Length, LongestName)].TrimEnd('.', '-')}.culvert.{RandomNumberGenerator.GetHexString(SuffixDigits, lowercase: true)}" },
            InvolvedObject = about,
            Reason = trouble ?? Captured,
            Message = message,
            Type = trouble is null ? "Normal" : "Warning",
            Count = 1,
            FirstTimestamp = now,
            LastTimestamp = now,
            ReportingComponent = Component,
            ReportingInstance = instance,
        };
    }

    private Task<Corev1Event> CreateAsync(Corev1Event made, CancellationToken cancellationToken) => client.Resource(KnownResources.Events).CreateAsync(made, null, cancellationToken);
}
