using System.Text.Json;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>An entry of a route's status, of whichever controller.</summary>
/// <param name="Json">As it stands: what others have written is written back as it was.</param>
/// <param name="Own">What it says where this controller has written it; null where another has.</param>
internal sealed record ParentEntry(JsonElement Json, ParentStatus? Own)
{
    /// <summary>Reads those of an object; what can't be read of the own ones is written anew.</summary>
    /// <param name="status">The object's status.</param>
    public static IReadOnlyList<ParentEntry> Of(JsonElement status) =>
        status.TryGetProperty("parents", out JsonElement parents) && parents.ValueKind == JsonValueKind.Array ? [.. parents.EnumerateArray().Select(Read)] : [];

    private static ParentEntry Read(JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object || !entry.TryGetProperty("controllerName", out JsonElement name) || name.ValueKind != JsonValueKind.String || !name.ValueEquals(RouteStatus.ControllerName))
            return new(entry.Clone(), null);
        return new(default, ReadOwn(entry) is { ParentRef: not null, Conditions: { } conditions } own && conditions.All(c => c is not null) ? own : new(new(), RouteStatus.ControllerName, []));
    }

    // Anybody may have written it.
    private static ParentStatus? ReadOwn(JsonElement entry)
    {
        try
        {
            return entry.Deserialize(ApiJson.Default.ParentStatus);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
