using System.Collections.Immutable;
using System.Net;
using System.Text.RegularExpressions;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;
using k8s.Models;
using ObjectMeta = Culvert.Controller.Objects.ObjectMeta;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// Makes workloads of pods. What is wrong with a pod is left out of its workload and told: the pod is there all the same, and a pod that is not known to be in the mesh would have nobody to guard it. Pure.
/// </summary>
internal static partial class PodReader
{
    private const string MirrorAnnotation = "kubernetes.io/config.mirror";

    private static readonly string[] AnnotationPrefixes = ["culvert.dev/", NginxAnnotations.Prefix];

    /// <summary>Whether a pod has ended for good: its address is free for others. One that is being deleted goes on until it has ended.</summary>
    private static bool HasEnded(V1Pod pod) => pod.Status.Phase is "Succeeded" or "Failed";

    /// <summary>The addresses of a pod, as the kubelet has told them; none while it waits for them, or for a node.</summary>
    private static EquatableArray<IPAddress> AddressesOf(V1Pod pod)
    {
        if (string.IsNullOrEmpty(pod.Spec.NodeName)) return [];
        IEnumerable<string> told = pod.Status.PodIPs.Count > 0 ? pod.Status.PodIPs.Select(i => i.Ip) : pod.Status.PodIP is { Length: > 0 } one ? [one] : [];
        return told.Select(text => Names.Address(text, out IPAddress address) is null ? address : null).OfType<IPAddress>().Distinct().ToEquatableArray();
    }

    /// <summary>Makes the workload, with all addresses that the pod is told to have.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="place">Its path at the server.</param>
    public static ReadObject Read(V1Pod pod, string place)
    {
        (string ns, string name) = (pod.Metadata.NamespaceProperty ?? "", pod.Metadata.Name ?? "");
        var key = new ObjectKey(ObjectKind.Workload, ns, name);
        ApiOrigin origin = new(place, pod.Metadata.ResourceVersion ?? "");
        var errors = new ErrorSink(origin) { Object = key.ToString() };
        ImmutableSortedDictionary<string, string> labels = pod.Metadata.Labels.ToImmutableSortedDictionary(StringComparer.Ordinal);
        ObjectMeta meta = ReadAnnotations(pod, new ObjectMeta { Name = name, Namespace = ns, Labels = labels, Origin = origin }, errors);
        bool? enrolled = MeshLabel.Read(labels);
        bool isOfNode = pod.Spec.HostNetwork == true;
        if (isOfNode && enrolled == true)
        {
            errors.Add(0, "spec.hostNetwork", $"a pod of its node's network can't be in the mesh: it has no interface of its own; take the label {MeshLabel.Key} away");
            enrolled = false;
        }
        if (ExemptNamespaces.Contains(ns))
        {
            if (enrolled == true) errors.Add(0, "metadata.labels", $"a pod of {ns} can't be in the mesh, which needs what runs there to start; take the label {MeshLabel.Key} away");
            enrolled = false;
        }
        var slips = new ErrorSink(origin) { Object = key.ToString() };
        bool isSlip = enrolled == true && labels[MeshLabel.Key] != MeshLabel.Enabled;
        if (MeshLabel.Check(labels) is { } wrong) (isSlip ? slips : errors).Add(0, "metadata.labels", isSlip ? $"{wrong}; until then the pod is in the mesh" : wrong);
        foreach (string other in MeshLabel.CheckOthers(labels)) errors.Add(0, "metadata.labels", other);
        if (pod.Metadata.Annotations.ContainsKey(MirrorAnnotation) && StaticUid(pod) is null)
            errors.Add(0, "metadata.annotations", $"{MirrorAnnotation} is no hash of 32 digits, which a kubelet makes where the pod's file has no metadata.uid: a node with the CNI plugin does not start the pod; take the uid out of the file");
        (string? notCaptured, DateTimeOffset? since) = CaptureCondition.Read(pod);
        var workload = new WorkloadObject(meta)
        {
            Addresses = HasEnded(pod) ? [] : AddressesOf(pod),
            Node = pod.Spec.NodeName ?? "",
            ServiceAccount = pod.Spec.ServiceAccountName,
            Enrolled = enrolled,
            IsPod = true,
            PodUid = HasEnded(pod) || isOfNode || string.IsNullOrEmpty(pod.Spec.NodeName) ? null : StaticUid(pod) ?? pod.Metadata.Uid,
            ObjectUid = pod.Metadata.Uid,
            HostNetwork = isOfNode,
            Owner = PodOwner.Of(pod),
            Manager = PodOwner.ManagerOf(pod),
            NotCaptured = notCaptured,
            NotCapturedSince = since,
            Ports = ReadPorts(pod.Spec),
            ProxyProtocol = meta.ProxyProtocol,
            TrustedProxies = meta.TrustedProxies,
            Notes = errors.Notes.ToEquatableArray(),
            IsStricterReading = slips.HasErrors || errors.HasErrors,
        };
        return new(key, workload, origin, [.. slips.Errors, .. errors.Errors.Select(e => e with { Reason = $"{e.Reason}; the pod counts without it" })]) { Kind = nameof(ObjectKind.Workload) };
    }

    /// <summary>Whether two readings of a pod say the same, whatever version they are of: most updates of pods are of no interest.</summary>
    public static bool IsSame(ReadObject a, ReadObject b)
    {
        var (one, other) = ((WorkloadObject)a.Object!, (WorkloadObject)b.Object!);
        return one.Addresses == other.Addresses
            && (one.Node, one.ServiceAccount, one.Enrolled, one.HostNetwork, one.Meta.Weight, one.PodUid, one.ObjectUid, one.NotCaptured) == (other.Node, other.ServiceAccount, other.Enrolled, other.HostNetwork, other.Meta.Weight, other.PodUid, other.ObjectUid, other.NotCaptured)
            && one.Owner == other.Owner && one.Manager == other.Manager
            && one.Ports.SequenceEqual(other.Ports)
            && one.Meta.Labels.SequenceEqual(other.Meta.Labels)
            && one.ProxyProtocol == other.ProxyProtocol
            && one.TrustedProxies == other.TrustedProxies
            && one.Meta.NginxMtlsMode == other.Meta.NginxMtlsMode && one.Meta.ExcludedPorts == other.Meta.ExcludedPorts
            && one.Notes == other.Notes
            && a.Errors.SequenceEqual(b.Errors);
    }

    /// <summary>
    /// The uid that a kubelet has given a static pod, of whose object at the API server, which only mirrors it, the uid is another: what the node is told of by its runtime and its control groups. It is a hash of 32 digits
    /// without hyphens, so that nobody can write there the uid of a pod that is not static; who copies that of another static pod gets nothing by it, as a mirror that no kubelet has made has no address and another name. Null
    /// for all other pods.
    /// </summary>
    private static string? StaticUid(V1Pod pod) => pod.Metadata.Annotations.TryGetValue(MirrorAnnotation, out string? uid) && StaticUidForm().IsMatch(uid) ? uid : null;

    [GeneratedRegex("^[0-9a-f]{32}\\z", RegexOptions.NonBacktracking)]
    private static partial Regex StaticUidForm();

    /// <summary>The annotations that are understood.</summary>
    private static ObjectMeta ReadAnnotations(V1Pod pod, ObjectMeta meta, ErrorSink errors)
    {
        MapNode.Entry[] own = [.. pod.Metadata.Annotations.Where(a => AnnotationPrefixes.Any(p => a.Key.StartsWith(p, StringComparison.Ordinal))).Select(a => new MapNode.Entry(a.Key, 0, new ScalarNode(0, a.Value, ScalarKind.String)))];
        if (own.Length == 0) return meta;
        var metadata = new FieldReader(new MapNode(0, [new("annotations", 0, new MapNode(0, own))]), "metadata", errors);
        return AnnotationReader.Read(metadata, ObjectKind.Workload, meta, metadata.Strings("annotations"));
    }

    /// <summary>Ports with a name, of containers that go on running; of several with one name the first, as Services find them.</summary>
    private static ImmutableSortedDictionary<string, TransportPort> ReadPorts(V1PodSpec spec)
    {
        var ports = ImmutableSortedDictionary.CreateBuilder<string, TransportPort>(StringComparer.Ordinal);
        foreach (V1ContainerPort port in spec.Containers.Concat(spec.InitContainers.Where(c => c.RestartPolicy == "Always")).SelectMany(c => c.Ports))
        {
            TransportProtocol? protocol = port.Protocol switch
            {
                "TCP" => TransportProtocol.Tcp,
                "UDP" => TransportProtocol.Udp,
                _ => null,
            };
            if (string.IsNullOrEmpty(port.Name) || protocol is null || port.ContainerPort is < 1 or > ushort.MaxValue) continue;
            ports.TryAdd(port.Name, new((ushort)port.ContainerPort, protocol.Value));
        }
        return ports.ToImmutable();
    }
}
