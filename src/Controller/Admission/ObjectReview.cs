using System.Globalization;
using System.Text;
using System.Text.Json;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Kubernetes;

namespace Culvert.Controller.Admission;

/// <summary>
/// Says whether an object of the project's own kinds is good by itself, by the reader that reads it once it is stored (<see cref="ApiKind.Read"/>): what is let in here is accepted there. What it has to do with other objects is
/// not asked, since these may come later. Pure.
/// </summary>
internal static class ObjectReview
{
    // For people, who mend the first and try again; the server adds all warnings to its answer.
    private const int MostTold = 20, LongestRefusal = 8 * 1024;

    // System.Text.Json's own bound, by which answers of the API are read.
    private const int MostDepth = 64;

    /// <summary>Says it.</summary>
    /// <exception cref="JsonException">The question has no object.</exception>
    public static AdmissionVerdict Of(AdmissionRequest request)
    {
        if (request.Operation is not ("CREATE" or "UPDATE") || request.Subresource.Length > 0) return Allowed();
        if (request.Object.ValueKind != JsonValueKind.Object) throw new JsonException("'object' is missing, or no object");
        if (KindOf(request) is not { } kind) return Allowed($"{request.Group}/{request.Version} {request.Kind} is none of the kinds that this version of Culvert knows: it was not looked at");

        // Its finalizers have to be taken off whatever it is like.
        if (request.IsUpdate && IsBeingDeleted(request.Object)) return Allowed();
        (string name, IReadOnlyList<SourceError> errors, IEnumerable<SourceError> notes) = Read(kind, request.Object);
        errors = [.. errors, .. AppliedDocument.Faults(request.Object, request.OldObject, new(kind.Type.FullName, 0, name, "", ""), applied => Read(kind, applied).Errors).Where(f => errors.All(e => e.Field != f.Field))];
        if (errors.Count == 0) return Allowed([.. notes.Select(StatusConditions.Text)]);
        string[] faults = [.. errors.Select(StatusConditions.Text)];
        return IsNoWorse(kind, request, errors) ? Allowed(faults) : Refused(name, errors, faults);
    }

    /// <summary>Whether an object that is there, as one that an earlier version has let in, has its specification unchanged and no fault that is new: its labels, annotations and finalizers can be changed.</summary>
    private static bool IsNoWorse(ApiKind kind, AdmissionRequest request, IReadOnlyList<SourceError> errors)
    {
        if (!request.IsUpdate || request.OldObject.ValueKind != JsonValueKind.Object) return false;
        bool isUnchanged = (SpecOf(request.Object), SpecOf(request.OldObject)) switch
        {
            ({ } now, { } before) => JsonElement.DeepEquals(now, before),
            (null, null) => true,
            _ => false,
        };
        return isUnchanged && !errors.Except(Read(kind, request.OldObject).Errors).Any();
    }

    private static AdmissionVerdict Allowed(params string[] warnings) => new((string?)null) { Warnings = warnings.Length <= MostTold ? warnings : [.. warnings.Take(MostTold), More(warnings.Length - MostTold)] };

    private static ApiKind? KindOf(AdmissionRequest request) =>
        ApiKind.All.FirstOrDefault(k => k.Type.Group == CustomResourceTable.Group && k.Type.Group == request.Group && k.Type.Version == request.Version && k.Type.Kind == request.Kind);

    private static (string Name, IReadOnlyList<SourceError> Errors, IEnumerable<SourceError> Notes) Read(ApiKind kind, JsonElement item)
    {
        try
        {
            RequireDepth(item, MostDepth);
            ReadObject read = kind.Read(ApiDocumentConverter.Of(item), new ApiOrigin(kind.Type.FullName, ""));
            return (read.Errors is [var first, ..] ? first.Object : $"{read.Key}", read.Errors, read.Object?.Notes ?? []);
        }
        catch (JsonException e)
        {
            // As of one that is stored already.
            return (kind.Type.Kind, [new(kind.Type.FullName, 0, "", "", $"can't be read: {e.Message}")], []);
        }
    }

    /// <summary>One that is stored is parsed by itself, and in no more depth than is allowed there.</summary>
    private static void RequireDepth(JsonElement value, int depth)
    {
        if (value.ValueKind is not (JsonValueKind.Object or JsonValueKind.Array)) return;
        if (depth == 0) throw new JsonException($"nested deeper than {MostDepth} levels");
        if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty property in value.EnumerateObject()) RequireDepth(property.Value, depth - 1);
            return;
        }
        foreach (JsonElement item in value.EnumerateArray()) RequireDepth(item, depth - 1);
    }

    private static bool IsBeingDeleted(JsonElement item) =>
        item.TryGetProperty("metadata", out JsonElement meta) && meta.ValueKind == JsonValueKind.Object && meta.TryGetProperty("deletionTimestamp", out JsonElement time) && time.ValueKind != JsonValueKind.Null;

    private static JsonElement? SpecOf(JsonElement item) => item.TryGetProperty("spec", out JsonElement spec) ? spec : null;

    private static AdmissionVerdict Refused(string name, IReadOnlyList<SourceError> errors, string[] faults)
    {
        StringBuilder text = new(faults[0]);
        int told = 1;
        while (told < faults.Length && told < MostTold && text.Length + faults[told].Length < LongestRefusal) text.Append("; ").Append(faults[told++]);
        List<AdmissionReview.RefusalCause> causes = [.. errors.Take(told).Select(e => new AdmissionReview.RefusalCause(e.Field, e.Reason))];
        if (told < faults.Length)
        {
            text.Append("; ").Append(More(faults.Length - told));
            causes.Add(new("", More(faults.Length - told)));
        }
        return new(text.ToString()) { Object = name, Causes = causes };
    }

    private static string More(int count) => string.Create(CultureInfo.InvariantCulture, $"{count} more, which are not listed");
}
