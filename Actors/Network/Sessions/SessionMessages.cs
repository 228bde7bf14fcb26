using Mesh.Actors.Ports;
using Mesh.Actors.Registry;
using Mesh.Protocol.Control;
using Mesh.Protocol.Identity;
using Mesh.Protocol.Map;
using Mesh.Protocol.Trust;

namespace Mesh.Actors.Sessions;

/// <summary>Opens a stream.</summary>
sealed record OpenStream(ControlStreamHandle Handle, IControlStream Stream);

/// <summary>Brings a line that a node sent.</summary>
sealed record StreamReceived(ControlStreamHandle Handle, UpFrame Frame);

/// <summary>Says that a stream is over.</summary>
sealed record StreamEnded(ControlStreamHandle Handle);

/// <summary>Says that a stream that was full has room again.</summary>
sealed record StreamDrained(ControlStreamHandle Handle);

/// <summary>Asks for a present node's map in full, signed now; answered by a <see cref="MapFrame"/> or a <see cref="Refusal"/>.</summary>
sealed record SignFullMap(NodeId Node);

/// <summary>Waits until the peers of a removed node have acknowledged; answered by <see cref="RevocationProgress"/> or a <see cref="Refusal"/>.</summary>
sealed record AwaitCut(NodeId Node, TimeSpan AtMost);

/// <summary>Waits until the attached nodes know that a controller was withdrawn; answered by <see cref="Mesh.Actors.Registry.NodesTold"/>.</summary>
sealed record AwaitTold(ControllerId Controller, TimeSpan AtMost);

/// <summary>Closes every stream.</summary>
sealed record CloseAll(string Reason);

// From the registry of sessions to one session.

/// <summary>Ends the stream with a reason.</summary>
sealed record EndStream(string Reason);

// From one session to the registry of sessions.

/// <summary>Says that the node attached.</summary>
sealed record NodeAttached(ControlStreamHandle Handle, AttachFrame Frame);

/// <summary>Says which body the node acts on.</summary>
sealed record NodeAcknowledged(ControlStreamHandle Handle, AckFrame Frame);

/// <summary>Says that the node did not take a map in.</summary>
sealed record NodeRefused(ControlStreamHandle Handle, string Reason);

/// <summary>Brings a verified hint of where the node is.</summary>
sealed record NodeMoved(ControlStreamHandle Handle, DsseEnvelope Envelope, EndpointHint Hint);
