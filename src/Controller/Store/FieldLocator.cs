using System.Text;
using Culvert.Controller.Documents;
using Culvert.Controller.Objects;

namespace Culvert.Controller.Store;

/// <summary>Finds where a field of an object in force was written, from the document that is kept with it.</summary>
internal static class FieldLocator
{
    /// <summary>The field as a path for people, and the line it is on, or that of the nearest mapping around it when it is not there.</summary>
    /// <param name="meta">The object's metadata.</param>
    /// <param name="path">Keys (strings) and indexes (integers), from the root.</param>
    public static (string Field, int Line) Locate(ObjectMeta meta, params ReadOnlySpan<object> path)
    {
        StringBuilder field = new();
        DocumentNode? value = meta.Origin is FileOrigin file ? DocumentReader.ReadOne(file.File, file.FirstLine, file.Text)?.Value : null;
        int line = value?.Line ?? meta.Origin.Line;
        foreach (object step in path)
        {
            if (step is string key)
            {
                field.Append(field.Length > 0 ? "." : "").Append(key);
                MapNode.Entry? entry = (value as MapNode)?.Entries.FirstOrDefault(e => e.Key == key);
                (value, line) = (entry?.Value, entry?.Line ?? line);
            }
            else
            {
                field.Append('[').Append(step).Append(']');
                value = value is ListNode list && (int)step < list.Items.Count ? list.Items[(int)step] : null;
                line = value?.Line ?? line;
            }
        }
        return (field.ToString(), line);
    }
}
