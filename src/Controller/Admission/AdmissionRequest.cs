using System.Text.Json;

namespace Culvert.Controller.Admission;

/// <summary>What the API server asks about. Its elements are those of the document that it was read from, and live as long.</summary>
/// <param name="Uid">Which question it is; the answer has it too.</param>
/// <param name="Operation"><c>CREATE</c>, <c>UPDATE</c> or another.</param>
/// <param name="Group">API group of the object.</param>
/// <param name="Version">Its version.</param>
/// <param name="Kind">Its kind.</param>
internal sealed record AdmissionRequest(string Uid, string Operation, string Group, string Version, string Kind)
{
    /// <summary>The object's name; empty where the server is to make one.</summary>
    public string Name { get; private init; } = "";

    /// <summary>The part of the object that is written, such as <c>status</c>; empty: the object itself.</summary>
    public string Subresource { get; private init; } = "";

    /// <summary>The object as it would be.</summary>
    public JsonElement Object { get; private init; }

    /// <summary>The object as it is; not defined where there is none.</summary>
    public JsonElement OldObject { get; private init; }

    /// <summary>Whether there is an object already, and it is changed.</summary>
    public bool IsUpdate => Operation == "UPDATE";

    /// <summary>Reads a question.</summary>
    /// <param name="review">An AdmissionReview.</param>
    /// <exception cref="JsonException">It is none; the message says what is wrong.</exception>
    public static AdmissionRequest Parse(JsonElement review)
    {
        try
        {
            if (review.ValueKind != JsonValueKind.Object || TextOf(review, "apiVersion") != AdmissionReview.Version || TextOf(review, "kind") != AdmissionReview.Name)
                throw new JsonException($"an {AdmissionReview.Name} of {AdmissionReview.Version} was expected");
            JsonElement request = ObjectOf(review, "request"), kind = ObjectOf(request, "kind");
            return new(Required(request, "uid"), Required(request, "operation"), TextOf(kind, "group"), Required(kind, "version"), Required(kind, "kind"))
            {
                Name = TextOf(request, "name"),
                Subresource = TextOf(request, "subResource"),
                Object = request.TryGetProperty("object", out JsonElement item) ? item : default,
                OldObject = request.TryGetProperty("oldObject", out JsonElement old) ? old : default,
            };
        }
        catch (InvalidOperationException e)
        {
            // Half of a surrogate pair, or bytes that are not UTF-8.
            throw new JsonException(e.Message, e);
        }
    }

    private static JsonElement ObjectOf(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Object ? value : throw new JsonException($"'{name}' is missing, or no object");

    private static string Required(JsonElement parent, string name) => TextOf(parent, name) is { Length: > 0 } text ? text : throw new JsonException($"'{name}' is missing, or no text");

    private static string TextOf(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";
}
