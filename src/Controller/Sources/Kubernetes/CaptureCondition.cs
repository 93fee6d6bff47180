using System.Text;
using System.Text.Json;
using Culvert.Kubernetes.Resources;
using k8s.Models;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// The condition of a pod that says that its node can't capture it, and why: what people see, and what every controller of the mesh takes for true, also one that starts later. It is there while that is so only.
/// </summary>
internal static class CaptureCondition
{
    /// <summary>Its type.</summary>
    public const string Type = "culvert.dev/Captured";

    private const string Reason = "NotCaptured";

    /// <summary>Why a pod is not captured, and since when; null: nothing says that it isn't.</summary>
    public static (string? Reason, DateTimeOffset? Since) Read(V1Pod pod) =>
        pod.Status.Conditions.FirstOrDefault(c => c is { Type: Type, Status: "False" }) is { } condition ? (condition.Message ?? "", condition.LastTransitionTime) : (null, null);

    /// <summary>A strategic patch of a pod's status that takes the condition away, whoever has written it.</summary>
    /// <param name="uid">The pod's uid: another one of the name is none of this.</param>
    public static byte[] Removal(string uid) =>
        Encoding.UTF8.GetBytes($$$"""{"metadata":{"uid":"{{{JsonEncodedText.Encode(uid)}}}"},"status":{"conditions":[{"type":"{{{Type}}}","$patch":"delete"}]}}""");

    /// <summary>The document to be applied to a pod's status.</summary>
    /// <param name="pod">The pod.</param>
    /// <param name="uid">Its uid: another one of the name is none of this.</param>
    /// <param name="reason">Why it is not captured.</param>
    /// <param name="since">Since when, whatever the reasons before.</param>
    public static byte[] Document(ResourceName pod, string uid, string reason, DateTimeOffset since)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("apiVersion", "v1");
            writer.WriteString("kind", "Pod");
            writer.WriteStartObject("metadata");
            writer.WriteString("name", pod.Name);
            writer.WriteString("namespace", pod.Namespace);
            writer.WriteString("uid", uid);
            writer.WriteEndObject();
            writer.WriteStartObject("status");
            Condition condition = new() { Type = Type, Status = "False", Reason = Reason, Message = reason, LastTransitionTime = DateTimeOffset.FromUnixTimeSeconds(since.ToUnixTimeSeconds()) };
            writer.WritePropertyName("conditions");
            JsonSerializer.Serialize(writer, (IReadOnlyList<Condition>)[condition], ApiJson.Default.IReadOnlyListCondition);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }
}
