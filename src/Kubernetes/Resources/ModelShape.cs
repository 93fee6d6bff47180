using System.Collections.Frozen;
using System.Text.Json.Serialization.Metadata;
using k8s.Models;

namespace Culvert.Kubernetes.Resources;

/// <summary>Which fields of the package's models are read. A pod takes 4.8 kB with these, and 11.3 kB with all of them.</summary>
internal static class ModelShape
{
    // Who changed which field and when; a third of most objects, and of no use here.
    private const string ManagedFields = "managedFields";

    /// <summary>Fields that are read, of types that caches hold many of. Those of all other types are read as they are.</summary>
    private static readonly FrozenDictionary<Type, FrozenSet<string>> Kept = new Dictionary<Type, FrozenSet<string>>
    {
        [typeof(V1PodSpec)] = Names("nodeName", "serviceAccountName", "hostNetwork", "containers", "initContainers", "restartPolicy", "terminationGracePeriodSeconds"),
        [typeof(V1PodStatus)] = Names("phase", "reason", "message", "podIP", "podIPs", "hostIP", "conditions", "containerStatuses", "startTime"),
        [typeof(V1Container)] = Names("name", "image", "restartPolicy", "ports", "livenessProbe", "readinessProbe", "startupProbe"),
        [typeof(V1ContainerStatus)] = Names("name", "ready", "restartCount", "containerID", "state", "lastState"),
        [typeof(V1CustomResourceDefinitionVersion)] = Names("name", "served", "storage"), // without their schemas
    }.ToFrozenDictionary();

    /// <summary>Shapes a type; a modifier of the serializer's resolver.</summary>
    public static void Apply(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object) return;
        bool isCut = Kept.TryGetValue(type.Type, out FrozenSet<string>? kept);
        for (int i = type.Properties.Count - 1; i >= 0; i--)
        {
            JsonPropertyInfo property = type.Properties[i];
            if (property.Name == ManagedFields || (isCut && !kept!.Contains(property.Name))) type.Properties.RemoveAt(i);
            else if (IsRequired(type.Type, property.Name)) property.IsRequired = true;
        }
        type.OnDeserialized = ModelDefaults.Of(type.Type) ?? type.OnDeserialized;
    }

    // The package reads a port that is missing as 0.
    private static bool IsRequired(Type type, string name) =>
        (type == typeof(V1ContainerPort) && name == "containerPort") || (type == typeof(V1ServicePort) && name == "port");

    private static FrozenSet<string> Names(params string[] names) => names.ToFrozenSet(StringComparer.Ordinal);
}
