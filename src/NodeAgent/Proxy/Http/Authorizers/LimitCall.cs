using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Http.OwnCalls;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Authorizers;

/// <summary>A question to a rate limit service about one request. Belongs to its loop's thread.</summary>
internal sealed class LimitCall : AskingCall
{
    private readonly RequestAuthorizers _owner;
    private readonly GlobalRateLimit _limit;
    private readonly UInt128 _key;
    private readonly Action<LimitAnswer> _answered;

    /// <summary>Makes one; its place is taken.</summary>
    /// <param name="owner">Where it runs.</param>
    /// <param name="limit">Who is asked.</param>
    /// <param name="left">How long the answer may take.</param>
    /// <param name="asking">In whose name: a connection of the workload that the request is for.</param>
    /// <param name="head">The question's head.</param>
    /// <param name="body">Its body.</param>
    /// <param name="key">What stands for the question, where its answer is kept.</param>
    /// <param name="answered">Hears the answer, once, unless it is given up.</param>
    internal LimitCall(RequestAuthorizers owner, GlobalRateLimit limit, TimeSpan left, in ProxyConnectionInfo asking, HeaderList head, byte[] body, UInt128 key, Action<LimitAnswer> answered)
        : base(owner, limit.Service, limit.Port, HttpKind.Http2, left, asking, head, body) => (_owner, _limit, _key, _answered) = (owner, limit, key, answered);

    /// <inheritdoc/>
    protected override void OnEnded(CallFailure failure)
    {
        LimitAnswer answer = !IsAnswered ? LimitAnswer.Failed(Describe(failure), mayAskAgain: failure is CallFailure.Unreachable or CallFailure.Broken, isOfRequest: failure is CallFailure.Malformed or CallFailure.NoRoom)
            : IsTooLong ? LimitAnswer.Failed($"its answer is longer than {_owner.Options.Authorizers.MaxAnswer} bytes")
            : GrpcLimit.Read(Status, Fields, AnswerBody, _owner.Options.Authorizers);
        _owner.Observer.OnLimitServiceAsked(_limit.Service, answer.Failure is not null ? AuthorizerResult.Failed : answer.Denied is null ? AuthorizerResult.Allowed : AuthorizerResult.Denied, answer.Failure);
        if (answer.Quota is not null) _owner.Quotas.Keep(_key, Namespace, answer);
        _answered(answer);
    }
}
