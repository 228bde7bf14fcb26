using Mesh.Protocol.Identity;
using Mesh.Protocol.Time;

namespace Mesh.Controller.Api;

/// <summary>Is the node that a TLS connection was proven to come from, as a feature of the connection.</summary>
/// <param name="Id">The node that its certificate names.</param>
/// <param name="NotAfter">The last moment of the certificate.</param>
/// <param name="Issuer">The controller whose authority issued it.</param>
sealed record PeerNode(NodeId Id, WallTime NotAfter, ControllerId Issuer);

/// <summary>Is the controller that a TLS connection was proven to come from, as a feature of the connection.</summary>
/// <param name="Id">The controller that the network root's delegation names.</param>
sealed record PeerController(ControllerId Id);
