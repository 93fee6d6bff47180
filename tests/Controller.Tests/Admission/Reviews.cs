using System.Text.Json;
using Culvert.Controller.Admission;

namespace Culvert.Controller.Tests.Admission;

/// <summary>Questions as an API server asks them.</summary>
internal static class Reviews
{
    /// <summary>What is thought of an object.</summary>
    /// <inheritdoc cref="Of" path="/param"/>
    public static AdmissionVerdict Judge(string item, string? before = null, string? operation = null, string subresource = "")
    {
        using JsonDocument review = JsonDocument.Parse(Of(item, before, operation, subresource));
        return ObjectReview.Of(AdmissionRequest.Parse(review.RootElement));
    }

    /// <summary>The question.</summary>
    /// <param name="item">The object, as JSON.</param>
    /// <param name="before">The object as it is; null: it is new.</param>
    /// <param name="operation">What is done; null: it is created, or updated.</param>
    /// <param name="subresource">The part that is written.</param>
    public static string Of(string item, string? before = null, string? operation = null, string subresource = "")
    {
        using JsonDocument document = JsonDocument.Parse(item);
        string[] version = document.RootElement.GetProperty("apiVersion").GetString()!.Split('/');
        return $$"""
            {"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{"uid":"705ab4f5-6393-11e8-b7cc-42010a800002","operation":"{{operation ?? (before is null ? "CREATE" : "UPDATE")}}",
             "kind":{"group":"{{(version.Length > 1 ? version[0] : "")}}","version":"{{version[^1]}}","kind":"{{document.RootElement.GetProperty("kind").GetString()}}"},"subResource":"{{subresource}}",
             "userInfo":{"username":"somebody"},"object":{{item}},"oldObject":{{before ?? "null"}},"dryRun":false,"options":null} }
            """;
    }

    /// <summary>A workload with all that a server adds.</summary>
    /// <param name="spec">What its specification has besides addresses.</param>
    /// <param name="metadata">What its metadata has besides.</param>
    /// <param name="addresses">Its addresses.</param>
    public static string Workload(string spec = "", string metadata = "", string addresses = "\"10.91.1.1\"") => $$"""
        {"apiVersion":"culvert.dev/v1alpha1","kind":"Workload","metadata":{"name":"web","namespace":"shop","uid":"0","creationTimestamp":"2026-11-26T10:00:00Z","generation":1,"managedFields":[{"manager":"kubectl","fieldsV1":{"f:spec":{ } } } ]{{metadata}} },
         "spec":{"node":"n1","addresses":[{{addresses}}]{{spec}} },"status":{"conditions":[]} }
        """;
}
