using System.Text.Json;

namespace Culvert.Kubernetes.Client;

/// <summary>Writes the API's DeleteOptions.</summary>
internal static class DeleteDocument
{
    public static byte[] Write(DeleteOptions options)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("apiVersion", "v1");
            writer.WriteString("kind", "DeleteOptions");
            if (options.Propagation is { } propagation) writer.WriteString("propagationPolicy", propagation.ToString());
            if (options.GracePeriod is { } grace) writer.WriteNumber("gracePeriodSeconds", (long)grace.TotalSeconds);
            if (options.DryRun)
            {
                writer.WriteStartArray("dryRun");
                writer.WriteStringValue("All");
                writer.WriteEndArray();
            }
            if (options.Uid is not null || options.ResourceVersion is not null)
            {
                writer.WriteStartObject("preconditions");
                if (options.Uid is { } uid) writer.WriteString("uid", uid);
                if (options.ResourceVersion is { } version) writer.WriteString("resourceVersion", version);
                writer.WriteEndObject();
            }
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }
}
