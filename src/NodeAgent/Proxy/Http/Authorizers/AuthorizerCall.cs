using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>A question to an external authorizer about one request. Belongs to its loop's thread.</summary>
internal sealed class AuthorizerCall : AskingCall
{
    private readonly RequestAuthorizers _owner;
    private readonly ExternalAuthorizer _authorizer;
    private readonly Action<AuthorizerAnswer> _answered;

    /// <summary>Makes one; its place is taken.</summary>
    /// <param name="owner">Where it runs.</param>
    /// <param name="authorizer">Who is asked.</param>
    /// <param name="left">How long the answer may take.</param>
    /// <param name="asking">In whose name: a connection of the workload that the request is for.</param>
    /// <param name="head">The question's head.</param>
    /// <param name="body">Its body.</param>
    /// <param name="answered">Hears the answer, once, unless it is given up.</param>
    internal AuthorizerCall(RequestAuthorizers owner, ExternalAuthorizer authorizer, TimeSpan left, in ProxyConnectionInfo asking, HeaderList head, byte[] body, Action<AuthorizerAnswer> answered)
        : base(owner, authorizer.Service, authorizer.Port, authorizer.Protocol == ExternalAuthorizerProtocol.Grpc ? HttpKind.Http2 : HttpKind.Http1, left, asking, head, body) =>
        (_owner, _authorizer, _answered) = (owner, authorizer, answered);

    /// <inheritdoc/>
    protected override void OnEnded(CallFailure failure)
    {
        AuthorizerAnswer answer = IsAnswered || IsHttpDenial ? Read() : AuthorizerAnswer.Failed(Describe(failure), mayAskAgain: failure is CallFailure.Unreachable or CallFailure.Broken, isOfRequest: failure is CallFailure.Malformed or CallFailure.NoRoom or CallFailure.BadAnswer);
        _owner.Observer.OnAuthorizerAsked(_authorizer.Name, answer.Failure is not null ? AuthorizerResult.Failed : answer.IsAllowed ? AuthorizerResult.Allowed : AuthorizerResult.Denied);
        _answered(answer);
    }

    // It is one from its head on, whether its body ends or not.
    private bool IsHttpDenial => _authorizer.Protocol == ExternalAuthorizerProtocol.Http && Status is >= 300 and < 500;

    private AuthorizerAnswer Read()
    {
        AuthorizerLimits limits = _owner.Options.Authorizers;
        if (IsTooLong && _authorizer.Protocol == ExternalAuthorizerProtocol.Grpc) return AuthorizerAnswer.Failed($"its answer is longer than {limits.MaxAnswer} bytes", isOfRequest: true); // it may be a denial
        return _authorizer.Protocol == ExternalAuthorizerProtocol.Grpc ? GrpcCheck.Read(Status, Fields, AnswerBody, limits) : HttpCheck.Read(_authorizer, Status, Fields, IsTooLong || !IsAnswered ? [] : AnswerBody, limits);
    }
}
