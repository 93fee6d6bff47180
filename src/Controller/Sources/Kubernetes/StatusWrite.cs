using System.Text.Json;
using Culvert.Controller.Objects;
using Culvert.Controller.Progress;
using Culvert.Controller.Statuses;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What the status of an object should say and does not. Immutable.</summary>
internal sealed class StatusWrite
{
    private readonly Func<IResourceClient<ApiDocument>, ResourceName, CancellationToken, Task<ApiDocument>> _send;

    private StatusWrite(Func<IResourceClient<ApiDocument>, ResourceName, CancellationToken, Task<ApiDocument>> send) => _send = send;

    /// <summary>Of a kind whose conditions are this controller's alone; null where nothing is to be written.</summary>
    /// <param name="seen">The object.</param>
    /// <param name="status">What has become of it; null: not known.</param>
    /// <param name="spread">Where it is in force.</param>
    /// <param name="now">The time of conditions that are new.</param>
    public static StatusWrite? OfConditions(SeenObject seen, ObjectStatus? status, Spread spread, DateTimeOffset now)
    {
        if (status is null) return null;
        IReadOnlyList<Condition> conditions = StatusConditions.Of(status, spread, seen.Conditions, now);
        if (StatusConditions.AreIn(conditions, seen.Conditions)) return null;
        return new((client, name, cancellationToken) =>
        {
            StatusDocument document = new(client.Type.ApiVersion, client.Type.Kind, new(name.Namespace.Length > 0 ? name.Namespace : null, name.Name), new(conditions[0].ObservedGeneration ?? 0, conditions));
            return client.ApplyAsync(name, JsonSerializer.SerializeToUtf8Bytes(document, ApiJson.Default.StatusDocument), new(KubernetesStatus.FieldManager) { Subresource = "status", Force = true }, cancellationToken);
        });
    }

    /// <summary>
    /// Of a route; null where nothing is to be written. Its entries are one list that belongs to all controllers together: it is replaced, with what others have written as it was, and only in the version
    /// in which that was read.
    /// </summary>
    /// <param name="route">The route.</param>
    /// <param name="status">What has become of it; null: not known, or nothing, as it has no Service as a parent.</param>
    /// <param name="now">The time of conditions that are new.</param>
    public static StatusWrite? OfRoute(SeenRoute route, ObjectStatus? status, DateTimeOffset now)
    {
        // What is known may be of another version, whose parents are others.
        if (route.Parents.Count > 0 && (status?.Origin as ApiOrigin)?.Generation != route.Generation) return null;
        ParentEntry[] others = [.. route.Entries.Where(e => e.Own is null)];
        ParentStatus[] own = status is null ? [] : [.. RouteStatus.Of(status, route.Parents, route.Entries, now).Take(RouteStatus.MostEntries - others.Length)];
        if (RouteStatus.AreIn(own, route.Entries)) return null;
        return new((client, name, cancellationToken) => client.PatchAsync(name, Patch.Merge(Document(route.ResourceVersion, others, own)), new() { FieldManager = KubernetesStatus.FieldManager, Subresource = "status" }, cancellationToken));
    }

    /// <summary>Writes it.</summary>
    /// <returns>The object, as it is then.</returns>
    public Task<ApiDocument> SendAsync(IResourceClient<ApiDocument> client, ResourceName name, CancellationToken cancellationToken) => _send(client, name, cancellationToken);

    private static byte[] Document(string version, ParentEntry[] others, ParentStatus[] own)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteStartObject("metadata");
            writer.WriteString("resourceVersion", version);
            writer.WriteEndObject();
            writer.WriteStartObject("status");
            writer.WriteStartArray("parents");
            foreach (ParentEntry other in others) other.Json.WriteTo(writer);
            foreach (ParentStatus entry in own) JsonSerializer.Serialize(writer, entry, ApiJson.Default.ParentStatus);
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }
}
