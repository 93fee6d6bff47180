using System.Collections.Immutable;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads one object of any kind: dispatches on apiVersion and kind, reads the metadata, leaves the spec to the kind's reader.</summary>
internal static class ObjectReader
{
    // What is longer is no name.
    private const int LongestName = 253;

    internal delegate MeshObject? KindReader(FieldReader root, ObjectMeta meta);

    private static readonly Dictionary<(string Version, string Kind), (ObjectKind Kind, KindReader Read)> Kinds = new()
    {
        [("v1", "Namespace")] = (ObjectKind.Namespace, static (root, meta) => NamespaceReader.Read(root, meta)),
        [("v1", "Node")] = (ObjectKind.Node, static (root, meta) => NodeReader.Read(root, meta)),
        [("v1", "Service")] = (ObjectKind.Service, static (root, meta) => ServiceReader.Read(root, meta)),
        [("discovery.k8s.io/v1", "EndpointSlice")] = (ObjectKind.EndpointSlice, static (root, meta) => EndpointSliceReader.Read(root, meta)),
        [("culvert.dev/v1alpha1", "Workload")] = (ObjectKind.Workload, static (root, meta) => WorkloadReader.Read(root, meta)),
        [("culvert.dev/v1alpha1", "AuthorizationPolicy")] = (ObjectKind.AuthorizationPolicy, static (root, meta) => AuthorizationPolicyReader.Read(root, meta)),
        [("culvert.dev/v1alpha1", "PeerAuthentication")] = (ObjectKind.PeerAuthentication, static (root, meta) => PeerAuthenticationReader.Read(root, meta)),
        [("culvert.dev/v1alpha1", "RequestAuthentication")] = (ObjectKind.RequestAuthentication, static (root, meta) => RequestAuthenticationReader.Read(root, meta)),
        [("culvert.dev/v1alpha1", "MeshConfig")] = (ObjectKind.MeshConfig, static (root, meta) => MeshConfigReader.Read(root, meta)),
        [("networking.k8s.io/v1", "NetworkPolicy")] = (ObjectKind.NetworkPolicy, static (root, meta) => NetworkPolicyReader.Read(root, meta)),
        [("culvert.dev/v1alpha1", "TrafficPolicy")] = (ObjectKind.TrafficPolicy, static (root, meta) => TrafficPolicyReader.Read(root, meta)),
        [("culvert.dev/v1alpha1", "RateLimit")] = (ObjectKind.RateLimit, static (root, meta) => RateLimitReader.Read(root, meta)),
        [("specs.smi.nginx.com/v1alpha1", "CircuitBreaker")] = (ObjectKind.CircuitBreaker, static (root, meta) => NginxCircuitBreakerReader.Read(root, meta)),
        [("specs.smi.nginx.com/v1alpha1", "RateLimit")] = (ObjectKind.NginxRateLimit, static (root, meta) => NginxRateLimitReader.Read(root, meta, hasRules: false)),
        [("specs.smi.nginx.com/v1alpha2", "RateLimit")] = (ObjectKind.NginxRateLimit, static (root, meta) => NginxRateLimitReader.Read(root, meta, hasRules: true)),
        [("gateway.networking.k8s.io/v1", "UDPRoute")] = (ObjectKind.UDPRoute, static (root, meta) => GatewayRouteReader.Read(root, ObjectKind.UDPRoute, meta)),
        [("gateway.networking.k8s.io/v1alpha2", "UDPRoute")] = (ObjectKind.UDPRoute, static (root, meta) => GatewayRouteReader.Read(root, ObjectKind.UDPRoute, meta)),
        [("gateway.networking.k8s.io/v1", "TCPRoute")] = (ObjectKind.TCPRoute, static (root, meta) => GatewayRouteReader.Read(root, ObjectKind.TCPRoute, meta)),
        [("gateway.networking.k8s.io/v1alpha2", "TCPRoute")] = (ObjectKind.TCPRoute, static (root, meta) => GatewayRouteReader.Read(root, ObjectKind.TCPRoute, meta)),
        [("gateway.networking.k8s.io/v1", "HTTPRoute")] = (ObjectKind.HTTPRoute, static (root, meta) => GatewayHttpRouteReader.Read(root, meta)),
        [("gateway.networking.k8s.io/v1beta1", "HTTPRoute")] = (ObjectKind.HTTPRoute, static (root, meta) => GatewayHttpRouteReader.Read(root, meta)),
        [("gateway.networking.k8s.io/v1", "GRPCRoute")] = (ObjectKind.GRPCRoute, static (root, meta) => GrpcRouteReader.Read(root, meta)),
        [("split.smi-spec.io/v1alpha2", "TrafficSplit")] = (ObjectKind.TrafficSplit, static (root, meta) => TrafficSplitReader.Read(root, meta)),
        [("split.smi-spec.io/v1alpha3", "TrafficSplit")] = (ObjectKind.TrafficSplit, static (root, meta) => TrafficSplitReader.Read(root, meta)),
        [("split.smi-spec.io/v1alpha4", "TrafficSplit")] = (ObjectKind.TrafficSplit, static (root, meta) => TrafficSplitReader.Read(root, meta)),
        [("access.smi-spec.io/v1alpha2", "TrafficTarget")] = (ObjectKind.TrafficTarget, static (root, meta) => TrafficTargetReader.Read(root, meta, hasPort: true)),
        [("access.smi-spec.io/v1alpha3", "TrafficTarget")] = (ObjectKind.TrafficTarget, static (root, meta) => TrafficTargetReader.Read(root, meta, hasPort: false)),
        [("specs.smi-spec.io/v1alpha1", "TCPRoute")] = (ObjectKind.SmiTCPRoute, static (root, meta) => SmiRouteReader.Read(root, ObjectKind.SmiTCPRoute, meta, hasMatches: false)),
        [("specs.smi-spec.io/v1alpha2", "TCPRoute")] = (ObjectKind.SmiTCPRoute, static (root, meta) => SmiRouteReader.Read(root, ObjectKind.SmiTCPRoute, meta, hasMatches: false)),
        [("specs.smi-spec.io/v1alpha3", "TCPRoute")] = (ObjectKind.SmiTCPRoute, static (root, meta) => SmiRouteReader.Read(root, ObjectKind.SmiTCPRoute, meta, hasMatches: false)),
        [("specs.smi-spec.io/v1alpha4", "TCPRoute")] = (ObjectKind.SmiTCPRoute, static (root, meta) => SmiRouteReader.Read(root, ObjectKind.SmiTCPRoute, meta, hasMatches: true)),
        [("specs.smi-spec.io/v1alpha1", "HTTPRouteGroup")] = (ObjectKind.HTTPRouteGroup, static (root, meta) => HttpRouteGroupReader.Read(root, meta, hasSpec: false)),
        [("specs.smi-spec.io/v1alpha2", "HTTPRouteGroup")] = (ObjectKind.HTTPRouteGroup, static (root, meta) => HttpRouteGroupReader.Read(root, meta, hasSpec: false)),
        [("specs.smi-spec.io/v1alpha3", "HTTPRouteGroup")] = (ObjectKind.HTTPRouteGroup, static (root, meta) => HttpRouteGroupReader.Read(root, meta, hasSpec: true)),
        [("specs.smi-spec.io/v1alpha4", "HTTPRouteGroup")] = (ObjectKind.HTTPRouteGroup, static (root, meta) => HttpRouteGroupReader.Read(root, meta, hasSpec: true)),
        [("specs.smi-spec.io/v1alpha4", "UDPRoute")] = (ObjectKind.SmiUDPRoute, static (root, meta) => SmiRouteReader.Read(root, ObjectKind.SmiUDPRoute, meta, hasMatches: true)),
    };

    /// <summary>Reads a document of a file. The result holds the object when it is valid, its key when at least that could be made out, and all errors.</summary>
    public static ReadObject Read(string file, SourceDocument document) => Read(new FileOrigin(file, 0, document.Text, document.FirstLine), document);

    /// <summary>Reads a document from anywhere, as <see cref="Read(string, SourceDocument)"/> does.</summary>
    /// <param name="origin">Where it is; a file's is given the object's line.</param>
    /// <param name="document">The document.</param>
    /// <param name="isLenient">Whether fields that are not known are passed over: an API server that is newer than this has let them in.</param>
    public static ReadObject Read(ObjectOrigin origin, SourceDocument document, bool isLenient = false)
    {
        ObjectOrigin At(int line) => origin is FileOrigin file ? file with { At = line } : origin;
        var errors = new ErrorSink(origin) { IsLenient = isLenient };
        if (document.Value is not MapNode map)
        {
            int line = document.Value is null ? document.ErrorLine : document.Line;
            errors.Add(line, "", document.Error ?? $"an object must be a mapping, not {document.Value!.Describe()}");
            return new(null, null, At(line), [.. errors.Errors]) { Kind = SaysMeshConfig(document.Text) ? nameof(ObjectKind.MeshConfig) : "" };
        }
        var root = new FieldReader(map, "", errors);
        string? version = root.String("apiVersion", required: true), kind = root.String("kind", required: true);
        if (version is null || kind is null) return new(null, null, At(map.Line), [.. errors.Errors.Select(e => Named(e, map))]) { Kind = Recognised("", kind) };
        (ObjectKind Kind, KindReader Read) known;
        if (UnsupportedKind.Find(version, kind) is { } unsupported)
        {
            known = (unsupported.Kind, unsupported.Read);
        }
        else if (!Kinds.TryGetValue((version, kind), out known))
        {
            errors.Object = Named(kind, map, isCluster: TextOf(map, "namespace") is null);
            root.Fail("kind", UnknownKind(version, kind));
            if (!IsMisspeltNetworkPolicy(version, kind)) return new(null, null, At(map.Line), [.. errors.Errors]) { Kind = Recognised(version, kind) };

            // What it selects would be open otherwise.
            known = Kinds[("networking.k8s.io/v1", kind)];
        }
        errors.Object = Named(kind, map, IsCluster(known.Kind));
        ObjectMeta? meta = ReadMeta(root, known.Kind, At(map.Line));
        if (meta is null) return new(null, null, At(map.Line), [.. errors.Errors]) { Kind = known.Kind.ToString() };
        var key = new ObjectKey(known.Kind, meta.Namespace, meta.Name);
        errors.Object = key.ToString();
        MeshObject? read = ReadSafely(root, meta, known.Read);
        root.Ignore("status");
        root.Done();
        if (version == CustomResourceTable.ApiVersion && CustomResourceTable.Find(kind) is { } resource && map.Find("spec") is { } spec) SchemaCheck.Check(resource.Spec, spec, "spec", errors);
        if (read is not null) read = read with { Notes = errors.Notes.ToEquatableArray() };
        if (read is NetworkPolicyObject policy && errors.HasErrors) read = policy with { IsStricterReading = true };
        return new(key, errors.HasErrors ? null : read, At(map.Line), [.. errors.Errors]) { Kind = known.Kind.ToString(), Rejected = errors.HasErrors ? read : null };
    }

    /// <summary>Reads by a kind's reader. A fault in that is an error of the object: nobody else's objects are to wait for one that nobody has thought of.</summary>
    internal static MeshObject? ReadSafely(FieldReader root, ObjectMeta meta, KindReader read)
    {
        try
        {
            return read(root, meta);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            root.Fail("", $"can't be read, which is a fault of this controller: {e.GetType().Name}: {e.Message}");
            return null;
        }
    }

    // Other policies of that name, as Calico's, are of groups of their own.
    private static bool IsMisspeltNetworkPolicy(string version, string kind) =>
        kind == nameof(ObjectKind.NetworkPolicy) && version.Split('/')[0] is var group && (group.StartsWith("networking", StringComparison.Ordinal) || group == "extensions" || group == version);

    private static bool IsCluster(ObjectKind kind) => kind is ObjectKind.Namespace or ObjectKind.Node or ObjectKind.MeshConfig;

    /// <summary>An object as its author knows it, before it is known to be valid.</summary>
    private static string Named(string kind, MapNode root, bool isCluster) => TextOf(root, "name") is not { } name ? kind
        : isCluster ? $"{kind} {name}" : $"{kind} {TextOf(root, "namespace") ?? "default"}/{name}";

    /// <summary>An error of an object of which not even the kind is known, so that its name alone says which one it is.</summary>
    private static SourceError Named(SourceError error, MapNode root) => TextOf(root, "name") is { } name ? error with { Reason = $"{error.Reason}; the object's name is '{name}'" } : error;

    /// <summary>A text of the metadata; null when there is none, or nobody would know it again.</summary>
    private static string? TextOf(MapNode root, string field) =>
        root.Find("metadata") is MapNode meta && meta.Find(field) is ScalarNode { IsNull: false, Text: { Length: > 0 and <= LongestName } text } && !text.Any(char.IsControl) ? text : null;

    /// <summary>A kind as written, but nothing where it may be a misspelt one of ours: none is known by that name, and no other API claims it.</summary>
    private static string Recognised(string version, string? kind)
    {
        string? known = Kinds.Keys.Select(k => k.Kind).FirstOrDefault(k => string.Equals(k, kind, StringComparison.OrdinalIgnoreCase));
        return known ?? (version.Length == 0 || version.Contains("culvert", StringComparison.OrdinalIgnoreCase) ? "" : kind ?? "");
    }

    /// <summary>Whether a text that can't be read as an object says that it is a MeshConfig.</summary>
    private static bool SaysMeshConfig(string text) => text.Contains(nameof(ObjectKind.MeshConfig), StringComparison.OrdinalIgnoreCase)
        && text.Split('\n', ',', '{').Any(part => string.Concat(part.Where(c => char.IsAsciiLetter(c) || c == ':')).StartsWith("kind:MeshConfig", StringComparison.OrdinalIgnoreCase));

    private static string UnknownKind(string version, string kind)
    {
        string group = version.Split('/')[0];
        string? right = Kinds.Keys.Where(k => k.Kind == kind).OrderByDescending(k => k.Version.StartsWith(group + '/', StringComparison.Ordinal)).Select(k => k.Version).FirstOrDefault();
        if (right is null)
        {
            return kind.EndsWith("List", StringComparison.Ordinal)
                ? $"a {kind} is not read; write each of its items as a document of its own, divided by lines '---'"
                : $"unknown kind {version} {kind}; known are {string.Join(", ", Kinds.Keys.Select(k => k.Kind).Distinct().Order(StringComparer.Ordinal))}";
        }
        return kind == nameof(ObjectKind.NetworkPolicy) && !IsMisspeltNetworkPolicy(version, kind)
            ? $"{kind} of apiVersion {version} is another kind of that name, which is not known; say what it is to refuse in a {kind} of {right}"
            : $"{kind} is not of apiVersion {version}; write {right}";
    }

    private static ObjectMeta? ReadMeta(FieldReader root, ObjectKind kind, ObjectOrigin origin)
    {
        if (root.Map("metadata", required: true) is not { } meta) return null;
        bool cluster = IsCluster(kind);
        string? name = meta.String("name", kind == ObjectKind.Namespace ? Names.Label : Names.Subdomain, required: true);
        string? ns = cluster ? "" : meta.String("namespace", Names.Label);
        if (cluster && meta.Has("namespace")) meta.Fail("namespace", $"{kind} has no namespace");
        if (!cluster && ns is null && !meta.Has("namespace")) ns = "default";
        ImmutableSortedDictionary<string, string> labels = meta.Strings("labels"), annotations = meta.Strings("annotations");
        meta.Ignore("uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "ownerReferences", "finalizers", "generateName", "selfLink");
        meta.Done();
        var known = new ObjectMeta { Name = name ?? "", Namespace = ns ?? "", Labels = labels, Origin = origin };
        known = AnnotationReader.Read(meta, kind, known, annotations);
        return name is null || ns is null ? null : known;
    }
}
