using Microsoft.AspNetCore.Http;

namespace Culvert.Grpc;

/// <summary>A method with its handler, as the server calls it.</summary>
internal interface IServerMethod
{
    string FullName { get; }

    Task InvokeAsync(HttpContext http, ServerEnvironment environment);
}
