using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Culvert.Kubernetes.Resources;

/// <summary>How objects are read and written: as they are generated, with the changes of <see cref="ModelShape"/>.</summary>
internal static class ObjectJson
{
    /// <summary>Deepest nesting of a document.</summary>
    public const int MaxDepth = 128;

    private static readonly JsonSerializerOptions Options = new(KubernetesJson.Default.Options)
    {
        TypeInfoResolver = KubernetesJson.Default.WithAddedModifier(ModelShape.Apply).WithAddedModifier(LeaveOutEmpty),
        MaxDepth = MaxDepth,
        Converters = { new UtcTimeConverter() },
    };

    /// <summary>How a type is read and written.</summary>
    public static JsonTypeInfo<T> Of<T>() => (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T));

    /// <summary>Empty collections are not written: who applies an object would say that it wants them empty. It reads the same without.</summary>
    private static void LeaveOutEmpty(JsonTypeInfo type)
    {
        if (type.Kind != JsonTypeInfoKind.Object) return;
        foreach (JsonPropertyInfo property in type.Properties)
        {
            if (!property.IsExtensionData && property.PropertyType != typeof(string) && typeof(IEnumerable).IsAssignableFrom(property.PropertyType))
            {
                property.ShouldSerialize = static (_, value) => value is not null && !IsEmpty(value);
            }
        }
    }

    // Dictionaries of any type are enumerable, not all of them are ICollection.
    private static bool IsEmpty(object value) => value switch
    {
        ICollection collection => collection.Count == 0,
        IEnumerable items => !items.GetEnumerator().MoveNext(),
        _ => false,
    };
}
