using System.Net;
using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Controller.Enrollment;
using Mesh.Controller.Hosting;
using Mesh.Controller.Keys;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Enrollment;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Mesh.Controller.Api;

/// <summary>
/// Serves <c>POST /v1/enroll</c>, the one thing that strangers may ask: bounds what they can cost, limits guessing, and issues the
/// certificate of a machine that was let in. Whether it is let in, the credential's actor decides.
/// </summary>
sealed class EnrollEndpoint(
    ControllerSystem system, ControllerKeys keys, IClock clock, AttemptLimiter limiter, ILogger<EnrollEndpoint> log) : IDisposable
{
    /// <summary>The greatest length of a request, in bytes.</summary>
    public const int MaximumRequest = 8 << 10;

    // Guesses that are under way together are let through together: this bounds how many that can be.
    const int Concurrent = 32;
    const int MaximumWaiting = 512;

    readonly SemaphoreSlim _turn = new(Concurrent);
    int _waiting;

    /// <summary>Answers one request.</summary>
    public async Task ServeAsync(HttpContext context)
    {
        if (await context.ReadAsync(ProtocolJson.Default.EnrollRequest, MaximumRequest) is not { } request)
            return;
        if (Interlocked.Increment(ref _waiting) > MaximumWaiting)
        {
            Interlocked.Decrement(ref _waiting);
            await context.SendAsync(Busy);
            return;
        }
        try
        {
            await _turn.WaitAsync(context.RequestAborted);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
        try
        {
            await ServeAsync(context, request);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    static Problem Busy => new("the controller is busy: try again", StatusCodes.Status503ServiceUnavailable, RefusalCodes.Unavailable, 2);

    async Task ServeAsync(HttpContext context, EnrollRequest request)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        var wait = limiter.Check(address, request.Credential.Value, MonotonicClock.Now);
        if (wait > TimeSpan.Zero)
        {
            var seconds = (int)Math.Ceiling(wait.TotalSeconds);
            log.EnrollmentLimited(request.Credential, RemotePlace.Of(address), seconds);
            await context.SendAsync(new Problem(
                $"too many attempts with a wrong credential from this address: try again in {seconds} seconds",
                StatusCodes.Status429TooManyRequests, RefusalCodes.Limited, seconds));
            return;
        }
        if (!CertificateAuthority.TryReadRequest(request.Request, out var key))
        {
            await context.SendAsync(new Problem(
                "the certificate request cannot be used: a P-256 key signed by itself is expected", StatusCodes.Status400BadRequest,
                RefusalCodes.Malformed));
            return;
        }
        // A machine that goes away now may still have been let in: it asks again and gets the same answer.
        var outcome = await system.EnrollAsync(request, CancellationToken.None);
        if (outcome.WrongSecret)
            limiter.CountFailure(address, request.Credential.Value, MonotonicClock.Now);
        if (!outcome.Result.IsDone)
        {
            log.EnrollmentRefused(request.Credential, RemotePlace.Of(address), outcome.Result.Refusal.Code);
            await context.SendAsync(outcome.Result.Refusal.ToProblem());
            return;
        }
        var enrolled = outcome.Result.Value;
        var certificate = keys.Authority.IssueNode(key, enrolled.Node.Id, clock.Now);
        log.Enrolled(enrolled.Node.Name, enrolled.Node.Id, request.Credential, enrolled.Again);
        await context.SendAsync(
            new EnrollReply(
                keys.Network, enrolled.Node.Id, enrolled.Node.Name, keys.RootKey, [certificate, keys.Authority.Certificate.RawData],
                enrolled.Map),
            ProtocolJson.Default.EnrollReply);
    }
}
