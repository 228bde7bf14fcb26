using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Controller.Keys;
using Mesh.Controller.Tls;
using Mesh.Protocol;
using Mesh.Protocol.Crypto;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Identity;
using Microsoft.AspNetCore.Http;

namespace Mesh.Controller.Api;

/// <summary>
/// Serves <c>POST /v1/certificate</c>: the next TLS certificate of a node of this network. Who it is, its present certificate says or,
/// where that counts no longer, the node's own key: whoever is cut off from the controller that issued the one goes on with another's.
/// </summary>
sealed class CertificateEndpoint(ControllerSystem system, ControllerKeys keys, IClock clock)
{
    /// <summary>Answers one request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="peer">Whom the connection's certificate proves; null: nobody that counts.</param>
    public async Task ServeAsync(HttpContext context, PeerNode? peer)
    {
        if (await context.ReadAsync(ProtocolJson.Default.CertificateRequestMessage, EnrollEndpoint.MaximumRequest) is not { } request)
            return;
        var node = peer?.Id ?? default;
        if (peer is null)
        {
            if (request.Proof is not { } proof)
            {
                await context.SendAsync(ApiServer.CertificateProblem(context));
                return;
            }
            if (Check(proof, request.Request) is { } problem)
            {
                await context.SendAsync(problem);
                return;
            }
            node = proof.Node;
        }
        if (!CertificateAuthority.TryReadRequest(request.Request, out var key))
        {
            await context.SendAsync(new Problem(
                "the certificate request cannot be used: a P-256 key signed by itself is expected", StatusCodes.Status400BadRequest,
                RefusalCodes.Malformed));
            return;
        }
        await context.SendAsync(
            new CertificateReply([keys.Authority.IssueNode(key, node, clock.Now), keys.Authority.Certificate.RawData]),
            ProtocolJson.Default.CertificateReply);
    }

    // A wrong signature and a node that was never here get one answer: nobody learns from it which nodes there are.
    Problem? Check(CertificateProof proof, byte[] request)
    {
        if (system.Queries.Node(proof.Node) is not { } node
            || proof.Signature.Length != Ed25519.SignatureSize
            || !Ed25519.Verify(
                node.Node.SigningKey.Value.Span, CertificateProof.Bytes(keys.Network, proof.Node, proof.Time, request), proof.Signature))
            return new Problem(
                "this network does not know such a node: join it again with a new credential", StatusCodes.Status403Forbidden,
                RefusalCodes.NodeUnknown);
        if (!node.IsPresent)
            return ApiServer.NodeRemoved;
        var skew = proof.Time - clock.Now;
        return skew.Duration() <= CertificateProof.ValidFor
            ? null
            : new Problem(
                $"the machine's clock is {skew.Duration().TotalMinutes:0} minutes off: set it", StatusCodes.Status403Forbidden,
                RefusalCodes.ClockSkew);
    }
}
