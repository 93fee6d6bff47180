using System.Text;
using Culvert.Core;
using Culvert.Http1;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>Questions and answers of authorizers that speak HTTP: they are sent the head of the request, and allow it with a status of 200 to 299.</summary>
internal static class HttpCheck
{
    /// <summary>Puts a question together.</summary>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="request">The request.</param>
    /// <param name="head">Where to.</param>
    internal static void Compose(ExternalAuthorizer authorizer, HeaderList request, HeaderList head)
    {
        ReadOnlySpan<byte> target = request.Path;
        byte[] path = new byte[authorizer.PathPrefix.Length + target.Length];
        target.CopyTo(path.AsSpan(Encoding.ASCII.GetBytes(authorizer.PathPrefix, path)));
        if (target.SequenceEqual("*"u8)) path = Encoding.ASCII.GetBytes(authorizer.PathPrefix.Length > 0 ? authorizer.PathPrefix : "/");
        head.Add(":method"u8, request.Method).Add(":scheme"u8, "http"u8).Add(":authority"u8, StreamRequestForm.HostOf(request)).Add(":path"u8, path);
        for (int i = 0; i < request.Count; i++)
        {
            HeaderView field = request[i];
            if (field.Name[0] == ':' || !FieldForm.IsChangeable(field.Name)) continue;
            if (field.Name.SequenceEqual("authorization"u8) || authorizer.RequestHeaders.AsSpan().Contains(Encoding.ASCII.GetString(field.Name))) head.Add(field.Name, field.Value, field.NeverIndexed);
        }
    }

    /// <summary>Reads an answer.</summary>
    /// <param name="authorizer">Whose.</param>
    /// <param name="status">Its status.</param>
    /// <param name="fields">Its head.</param>
    /// <param name="body">Its body.</param>
    /// <param name="limits">What it may have.</param>
    internal static AuthorizerAnswer Read(ExternalAuthorizer authorizer, int status, HeaderList fields, ReadOnlySpan<byte> body, AuthorizerLimits limits)
    {
        // What is wrong with it says nothing of the request.
        if (status >= 500) return AuthorizerAnswer.Failed($"it answers with status {status}");
        bool isAllowed = status is >= 200 and < 300;
        FieldRoom room = new(limits);
        List<HeadEdit> edits = [];
        HeaderList forClient = new();
        for (int i = 0; i < fields.Count; i++)
        {
            HeaderView field = fields[i];
            if (field.Name[0] == ':' || !FieldForm.IsChangeable(field.Name)) continue;
            EquatableArray<string> wanted = isAllowed ? authorizer.UpstreamHeaders : authorizer.DownstreamHeaders;
            bool isWanted = wanted.IsEmpty ? !isAllowed : wanted.AsSpan().Contains(Encoding.ASCII.GetString(field.Name));
            if (!isWanted || (wanted.IsEmpty && (field.Name.SequenceEqual("date"u8) || field.Name.SequenceEqual("proxy-status"u8)))) continue;
            if (!room.TryTake(field.Name, field.Value)) return AuthorizerAnswer.Failed(room.Refusal!);
            if (isAllowed) edits.Add(new HeadEdit(HeadEditKind.Append, field.Name.ToArray(), field.Value.ToArray())); // what the client has sent by the name is gone already
            else forClient.Add(field.Name, field.Value);
        }

        if (isAllowed) return AuthorizerAnswer.Allowed(edits);
        return body.Length > limits.MaxDenial ? AuthorizerAnswer.Failed($"it has a body for the client of more than {limits.MaxDenial} bytes") : AuthorizerAnswer.Refused(status, new DeniedAnswer(forClient, body.ToArray()));
    }
}
