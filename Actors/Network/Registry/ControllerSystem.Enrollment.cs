using Mesh.Actors.Enrollment;
using Mesh.Actors.Projection;
using Mesh.Actors.Sessions;
using Mesh.Protocol.Enrollment;
using Mesh.Protocol.Map;
using Mesh.Protocol.Time;

namespace Mesh.Actors.Registry;

public sealed partial class ControllerSystem
{
    /// <summary>
    /// Lets a machine in, once per credential; the same machine gets the same answer again. The caller has checked that the
    /// certificate request can be signed, and limits attempts by <see cref="EnrollOutcome.WrongSecret"/>. Refused with a code of
    /// <see cref="RefusalCodes"/> or <see cref="AllocationState.KeyInUse"/>.
    /// </summary>
    public async Task<EnrollOutcome> EnrollAsync(EnrollRequest request, CancellationToken cancellationToken = default)
    {
        if (_feed.Current.Network is not { } network)
            return Refuse(Refusal.Unavailable("enrollment"));
        if (EnrollmentRules.Check(request, network.RootKey, _clock.Now) is { } problem)
            return Refuse(problem);
        var redeem = new RedeemCredential(
            Cause.Of(Cause.System, _entropy), request.Credential, request.Secret, request.SigningKey, request.TunnelKey, request.Hostname,
            request.Os, request.Version);
        var answer = await AskAsync(_credentials, new EntityRequest(request.Credential.ToString(), redeem));
        if (answer is not Redeemed redeemed)
            return Refuse(answer as Refusal ?? Refusal.Unavailable("enrollment"));
        if (redeemed.Node is not { } node)
            return new EnrollOutcome(redeemed.Refusal!, redeemed.WrongSecret);

        // From here on the machine belongs to the network: were this to end here, the tail would see to the rest, and asking again gets here
        // again.
        if (_feed.Current.Nodes.GetValueOrDefault(node.Id) is not { } known || known.Credential != request.Credential)
            _nodes.Tell(TailActor.Registration(request.Credential, node, _options), _tail);
        var view = await _feed.WaitAsync(
            now => now.Credentials.GetValueOrDefault(request.Credential) is { } credential && credential.Nodes.Contains(node.Id)
                && !now.PendingRegistrations.ContainsKey((request.Credential, node.Id)),
            _options.CommandTimeout, cancellationToken);
        if (view is null)
            return Refuse(Refusal.Unavailable("enrollment"));
        return await AskAsync(_sessions, new SignFullMap(node.Id)) switch
        {
            MapFrame map when _feed.Current.Nodes.GetValueOrDefault(node.Id) is { } enrolled =>
                new EnrollOutcome(new Enrolled(enrolled, map, redeemed.Again), false),
            var other => Refuse(other as Refusal ?? Refusal.Unavailable("enrollment")),
        };

        static EnrollOutcome Refuse(Refusal refusal) => new(refusal, false);
    }
}
